-- Answers of requests that carried an Idempotency-Key: a repetition gets the same one, and nothing is done twice.
CREATE TABLE kept_answers (
    id bytea NOT NULL,
    claim uuid NOT NULL,
    request_sealed bytea NOT NULL,
    status int2,
    answer_sealed bytea,
    created_at timestamptz NOT NULL,
    held_until timestamptz NOT NULL,
    CONSTRAINT kept_answers_pkey PRIMARY KEY (id),
    CONSTRAINT kept_answers_id_check CHECK (length(id) = 32),
    CONSTRAINT kept_answers_answer_check CHECK ((status IS NULL) = (answer_sealed IS NULL))
);
CREATE INDEX kept_answers_created_idx ON kept_answers (created_at);
COMMENT ON TABLE kept_answers IS 'One row a principal and Idempotency-Key, for a day. The answer is written in the transaction of its effect';
COMMENT ON COLUMN kept_answers.id IS 'SHA-256 of principal and key';
COMMENT ON COLUMN kept_answers.claim IS 'The attempt that may write the answer';
COMMENT ON COLUMN kept_answers.request_sealed IS 'SHA-256 of method, path and body, sealed: a body may hold a password';
COMMENT ON COLUMN kept_answers.status IS 'The answer''s HTTP status; NULL: in flight';
COMMENT ON COLUMN kept_answers.answer_sealed IS 'The answer''s body, sealed: it may hold secrets';
COMMENT ON COLUMN kept_answers.created_at IS 'When it was first asked';
COMMENT ON COLUMN kept_answers.held_until IS 'An attempt without an answer may be repeated from here on: it is past its deadline';
