DROP INDEX changes_kind_idx;
