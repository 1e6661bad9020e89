//! The process title: what `ps` shows, made from `proc-title-template`.
//!
//! The title is written over the program's arguments, where `ps` and `/proc/self/cmdline` read it;
//! it is cut where they end.

/// What the variables of a template stand for.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// `{title}`: the program as it was called.
    pub title: String,
    /// `{listen-addr}`: the first address with its port, or the Unix socket.
    pub listen_addr: String,
    /// `{server-mode}`: `[cluster]`, `[sentinel]` or nothing.
    pub server_mode: &'static str,
    /// `{config-file}`: the configuration file, or `-`.
    pub config_file: String,
    /// `{port}`
    pub port: u16,
    /// `{tls-port}`
    pub tls_port: u16,
    /// `{unixsocket}`
    pub unixsocket: String,
}

/// Fills in a template; `None` if it is malformed or names an unknown variable. `{{` is a brace.
pub fn expand(template: &str, facts: &Facts) -> Option<String> {
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        if let Some(after) = after.strip_prefix('{') {
            out.push('{');
            rest = after;
            continue;
        }
        let (name, after) = after.split_once('}')?;
        match name {
            "title" => out.push_str(&facts.title),
            "listen-addr" => out.push_str(&facts.listen_addr),
            "server-mode" => out.push_str(facts.server_mode),
            "config-file" => out.push_str(&facts.config_file),
            "port" => out.push_str(&facts.port.to_string()),
            "tls-port" => out.push_str(&facts.tls_port.to_string()),
            "unixsocket" => out.push_str(&facts.unixsocket),
            _ => return None,
        }
        rest = after;
    }
    out.push_str(rest);
    Some(out.trim_matches(' ').to_owned())
}

/// Whether a template may be used: well formed, and not certain to be empty.
pub(crate) fn check(template: &[u8]) -> Result<(), &'static str> {
    // With an empty title, as Redis checks it; the other facts are never empty at the same time.
    let facts = Facts {
        listen_addr: "*:6379".to_owned(),
        config_file: "-".to_owned(),
        ..Facts::default()
    };
    let expanded = std::str::from_utf8(template)
        .ok()
        .and_then(|t| expand(t, &facts));
    match expanded {
        Some(title) if !title.is_empty() => Ok(()),
        _ => Err("template format is invalid or contains unknown variables"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_filled_in_and_blanks_trimmed() {
        let facts = Facts {
            title: "redis-server".to_owned(),
            listen_addr: "*:7000".to_owned(),
            ..Facts::default()
        };
        let expand = |t| expand(t, &facts);
        assert_eq!(
            expand("{title} {listen-addr} {server-mode}").as_deref(),
            Some("redis-server *:7000")
        );
        assert_eq!(expand("{{x").as_deref(), Some("{x"));
        for bad in ["{", "{title", "{nonsense}"] {
            assert_eq!(expand(bad), None, "{bad}");
        }
    }

    #[test]
    fn empty_titles_are_refused() {
        assert!(check(b"{title}").is_err());
        assert!(check(b"--my--title--template").is_ok());
        assert!(check(b"").is_err());
    }
}
