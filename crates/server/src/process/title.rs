//! The process title: what `ps` shows, made from `proc-title-template`.
//!
//! The title is written over the program's arguments, where `ps` and `/proc/self/cmdline` read it;
//! it is cut where they end.

use crate::config::Config;
use parking_lot::Mutex;

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

impl Facts {
    /// What the configuration says, for a program called `title`.
    pub fn of(config: &Config, title: &str) -> Self {
        let port = |name| u16::try_from(config.int(name)).unwrap_or(0);
        let (tcp, tls) = (port("port"), port("tls-port"));
        let listen_addr = match if tcp == 0 { tls } else { tcp } {
            0 => format!("unixsocket:{}", config.text("unixsocket")),
            port => {
                let bind = config.bind();
                format!("{}:{port}", bind.first().map_or("*", String::as_str))
            }
        };
        let config_file = config
            .path()
            .map_or("-".to_owned(), |p| p.display().to_string());
        Self {
            title: title.to_owned(),
            listen_addr,
            server_mode: if config.bool("cluster-enabled") {
                "[cluster]"
            } else {
                ""
            },
            config_file,
            port: tcp,
            tls_port: tls,
            unixsocket: config.text("unixsocket"),
        }
    }
}

/// The memory that holds the program's arguments and, behind them, its environment.
static AREA: Mutex<Option<Area>> = Mutex::new(None);

struct Area {
    start: usize,
    len: usize,
}

/// Makes room for a title. To be called first thing, while there is one thread; the arguments must
/// have been copied, because `set` writes over them.
pub fn init() {
    let mut area = AREA.lock();
    if area.is_none()
        && let Some((start, end)) = argument_area()
        && move_environment()
    {
        *area = Some(Area {
            start,
            len: end - start,
        });
    }
}

/// Shows the title that the configuration asks for; the error is a reason for the client.
pub fn set(config: &Config, program: &str) -> Result<(), String> {
    if !config.bool("set-proc-title") {
        return Ok(());
    }
    let facts = Facts::of(config, program);
    let title = expand(&config.text("proc-title-template"), &facts);
    write(&title.ok_or("failed to set process title")?);
    Ok(())
}

/// Shows the title now and whenever `proc-title-template` changes.
pub fn follow(config: &Config, program: &str) -> Result<(), String> {
    let program = program.to_owned();
    set(config, &program)?;
    config.on_change(&["proc-title-template"], move |config| {
        set(config, &program)
    });
    Ok(())
}

/// Writes over the arguments; cut where their memory ends. Without `init` nothing happens.
#[allow(
    unsafe_code,
    reason = "the arguments' memory is known by its address only"
)]
fn write(title: &str) {
    let area = AREA.lock();
    let Some(Area { start, len }) = *area else {
        return;
    };
    let take = title.len().min(len - 1);
    // SAFETY: the kernel mapped these bytes for arguments and environment, writable and for the
    // life of the process; the environment has been moved away, the arguments are not read any
    // more, and the lock keeps other writers out.
    unsafe {
        let target = std::ptr::with_exposed_provenance_mut::<u8>(start);
        std::ptr::copy_nonoverlapping(title.as_ptr(), target, take);
        std::ptr::write_bytes(target.add(take), 0, len - take);
    }
}

/// Where the arguments begin and the environment ends, from /proc/self/stat.
fn argument_area() -> Option<(usize, usize)> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is in parentheses and may hold anything; fields count from 1.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let field = |number: usize| fields.get(number - 3)?.parse::<usize>().ok();
    let (arg_start, arg_end) = (field(48)?, field(49)?);
    let (env_start, env_end) = (field(50)?, field(51)?);
    let end = if env_start == arg_end {
        env_end
    } else {
        arg_end
    };
    (arg_start != 0 && end > arg_start).then_some((arg_start, end))
}

#[allow(unsafe_code, reason = "declares a variable of the C library")]
unsafe extern "C" {
    /// The environment of the C library.
    static mut environ: *mut *mut libc::c_char;
}

/// Points the C library's environment at copies of its strings, which are never freed.
#[allow(
    unsafe_code,
    reason = "the C library's environment is reached by pointers only"
)]
fn move_environment() -> bool {
    // SAFETY: called while there is one thread. `environ` is null or an array of C strings that
    // ends in null; each entry is replaced by a copy of itself.
    unsafe {
        let mut entry = environ;
        while !entry.is_null() && !(*entry).is_null() {
            let copy = libc::strdup(*entry);
            if copy.is_null() {
                return false;
            }
            *entry = copy;
            entry = entry.add(1);
        }
    }
    true
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
    fn the_title_shows_in_the_process_list() {
        init();
        let home = std::env::var_os("PATH");
        let config = Config::detached();
        config.overwrite("port", b"7777").expect("valid");
        config
            .overwrite("proc-title-template", b"corewire {listen-addr}")
            .expect("valid");
        set(&config, "x").expect("set");
        let shown = std::fs::read("/proc/self/cmdline").expect("readable");
        let shown = String::from_utf8_lossy(&shown);
        assert_eq!(shown.trim_end_matches('\0'), "corewire *:7777");
        assert_eq!(std::env::var_os("PATH"), home, "the environment stays");
    }

    #[test]
    fn empty_titles_are_refused() {
        assert!(check(b"{title}").is_err());
        assert!(check(b"--my--title--template").is_ok());
        assert!(check(b"").is_err());
    }
}
