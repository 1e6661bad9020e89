//! What a log line looks like: its time and its three forms.
//!
//! The offset of local time is remembered from ordinary lines, so that signal handlers can print
//! local time without the C library's locks.

use super::Role;
use std::fmt;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// The form of lines: `log-format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// `pid:role time level message`, as Redis writes it.
    #[default]
    Legacy,
    /// `key=value` pairs, as Valkey writes them.
    Logfmt,
    /// One JSON object.
    Json,
}

/// The form of the time: `log-timestamp-format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TimeForm {
    /// `20 Nov 2026 12:00:00.123`.
    #[default]
    Legacy,
    /// `2026-11-20T12:00:00.123+01:00`.
    Iso8601,
    /// Milliseconds since 1970.
    Milliseconds,
}

impl Form {
    pub(super) fn from_value(value: i64) -> Self {
        match value {
            1 => Self::Logfmt,
            2 => Self::Json,
            _ => Self::Legacy,
        }
    }
}

impl TimeForm {
    pub(super) fn from_value(value: i64) -> Self {
        match value {
            1 => Self::Iso8601,
            2 => Self::Milliseconds,
            _ => Self::Legacy,
        }
    }
}

/// Seconds to add to UTC, as the last ordinary line found them.
static OFFSET_SECONDS: AtomicI32 = AtomicI32::new(0);

/// A moment with its local offset. Prints in Redis's form.
#[derive(Debug, Clone, Copy)]
pub(in crate::process) struct Stamp {
    millis: i64,
    offset_seconds: i32,
}

impl Stamp {
    /// Now, with the offset that applies now.
    pub(in crate::process) fn now() -> Self {
        let millis = now_millis();
        let offset_seconds = local_offset(millis.div_euclid(1000));
        OFFSET_SECONDS.store(offset_seconds, Ordering::Relaxed);
        Self {
            millis,
            offset_seconds,
        }
    }

    /// Now, without asking the C library.
    pub(in crate::process) fn for_handler() -> Self {
        let offset_seconds = OFFSET_SECONDS.load(Ordering::Relaxed);
        Self {
            millis: now_millis(),
            offset_seconds,
        }
    }

    /// Year, month from 1, day from 1, hour, minute, second, millisecond of local time.
    fn civil(self) -> (i64, usize, i64, [i64; 4]) {
        let local = self.millis + i64::from(self.offset_seconds) * 1000;
        let (days, rest) = (local.div_euclid(86_400_000), local.rem_euclid(86_400_000));
        let time = [
            rest / 3_600_000,
            rest / 60_000 % 60,
            rest / 1000 % 60,
            rest % 1000,
        ];
        // Days since 1 March of year 0, in eras of 400 years; after Howard Hinnant's
        // "chrono-compatible low-level date algorithms".
        let days = days + 719_468;
        let era = days.div_euclid(146_097);
        let day = days.rem_euclid(146_097);
        let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let day = day - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        let year = year + era * 400 + i64::from(month <= 2);
        (year, month as usize, day, time)
    }

    fn iso8601(self) -> String {
        let (year, month, day, [hour, minute, second, milli]) = self.civil();
        let (sign, offset) = match self.offset_seconds {
            o if o < 0 => ('-', -o),
            o => ('+', o),
        };
        let (offset_hours, offset_minutes) = (offset / 3600, offset / 60 % 60);
        format!(
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}\
             {sign}{offset_hours:02}:{offset_minutes:02}"
        )
    }

    fn text(self, form: TimeForm) -> String {
        match form {
            TimeForm::Legacy => self.to_string(),
            TimeForm::Iso8601 => self.iso8601(),
            TimeForm::Milliseconds => self.millis.to_string(),
        }
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MONTHS: [&str; 12] = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ];
        let (year, month, day, [hour, minute, second, milli]) = self.civil();
        let month = MONTHS[month - 1];
        write!(
            f,
            "{day:02} {month} {year} {hour:02}:{minute:02}:{second:02}.{milli:03}"
        )
    }
}

fn now_millis() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[allow(unsafe_code, reason = "localtime_r(3), which std lacks")]
fn local_offset(seconds: i64) -> i32 {
    // SAFETY: `tm` is plain data for which zeros are valid; localtime_r writes to it alone, and
    // leaves it as it was if it fails.
    let local = unsafe {
        let mut local: libc::tm = std::mem::zeroed();
        libc::localtime_r(&raw const seconds, &raw mut local);
        local
    };
    i32::try_from(local.tm_gmtoff).unwrap_or(0)
}

/// One line, with its end.
pub(super) fn line(
    form: Form,
    time: TimeForm,
    role: Role,
    level: u8,
    message: &str,
    fields: &[(&'static str, String)],
) -> String {
    let pid = std::process::id();
    let now = Stamp::now().text(time);
    let level = usize::from(level.min(3));
    let name = ["debug", "verbose", "notice", "warning"][level];
    let role_name = match role {
        Role::Primary => "primary",
        Role::Replica => "replica",
        Role::Sentinel => "sentinel",
        Role::Child => "RDB/AOF",
    };
    match form {
        Form::Legacy => {
            let mark = ['.', '-', '*', '#'][level];
            let mut line = format!("{pid}:{} {now} {mark} {message}", role as u8 as char);
            fields
                .iter()
                .for_each(|(key, value)| line.push_str(&format!(" {key}={value}")));
            line.push('\n');
            line
        }
        Form::Logfmt => {
            let mut line = format!(
                "pid={pid} role={role_name} timestamp=\"{now}\" level={name} message={}",
                quoted(message)
            );
            fields.iter().for_each(|(key, value)| {
                line.push_str(&format!(" {key}={}", quoted(value)));
            });
            line.push('\n');
            line
        }
        Form::Json => {
            let mut line = format!(
                "{{\"pid\":{pid},\"role\":\"{role_name}\",\"time\":\"{now}\",\"level\":\"{name}\",\
                 \"message\":{}",
                quoted(message)
            );
            fields.iter().for_each(|(key, value)| {
                line.push_str(&format!(",{}:{}", quoted(key), quoted(value)));
            });
            line.push_str("}\n");
            line
        }
    }
}

/// A JSON string.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_printed_in_redis_form() {
        let stamp = |millis, offset_seconds| Stamp {
            millis,
            offset_seconds,
        };
        assert_eq!(stamp(0, 0).to_string(), "01 Jan 1970 00:00:00.000");
        assert_eq!(
            stamp(951_782_399_999, 0).to_string(),
            "28 Feb 2000 23:59:59.999"
        );
        assert_eq!(
            stamp(951_782_400_000, 0).to_string(),
            "29 Feb 2000 00:00:00.000"
        );
        assert_eq!(
            stamp(951_782_400_001, -3600).to_string(),
            "28 Feb 2000 23:00:00.001"
        );
        assert_eq!(
            stamp(1_767_225_599_000, 5400).iso8601(),
            "2026-01-01T01:29:59.000+01:30"
        );
        assert_eq!(stamp(12, 0).text(TimeForm::Milliseconds), "12");
    }

    #[test]
    fn lines_have_the_forms_of_redis_logfmt_and_json() {
        let fields = [("port", "7".to_owned())];
        let line = |form| {
            line(
                form,
                TimeForm::Legacy,
                Role::Replica,
                2,
                "say \"hi\"\n",
                &fields,
            )
        };
        let pid = std::process::id();
        let legacy = line(Form::Legacy);
        assert!(legacy.starts_with(&format!("{pid}:S ")), "{legacy}");
        assert!(legacy.ends_with(" * say \"hi\"\n port=7\n"), "{legacy}");
        let logfmt = line(Form::Logfmt);
        assert!(
            logfmt.starts_with(&format!("pid={pid} role=replica timestamp=\"")),
            "{logfmt}"
        );
        assert!(
            logfmt.ends_with(
                r#" level=notice message="say \"hi\"\n" port="7"
"#
            ),
            "{logfmt}"
        );
        let json = line(Form::Json);
        assert!(
            json.ends_with(
                r#","level":"notice","message":"say \"hi\"\n","port":"7"}
"#
            ),
            "{json}"
        );
    }
}
