//! How much an event matters.
use super::word::words;

words!(/** How much an event matters. */ Severity {
    /** Somebody did something. */ Info = "info",
    /** Worth a look. */ Warning = "warning",
    /** Somebody should act. */ Alarm = "alarm",
});
