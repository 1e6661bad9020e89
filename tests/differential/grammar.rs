//! Random commands from the templates in `tests/data/differential.txt`, which explains their form.
//!
//! Most commands are as the templates have them; some lose, gain or swap an argument or get one
//! that makes no sense, and keys are now and then of another type.

use std::collections::BTreeMap;

use common::random::below;

/// How replies are compared; what the words before a template's colon say.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum Compare {
    #[default]
    Exact,
    Unordered,
    Pairs,
    Scan,
    Near,
    Shape,
    Refused,
    Encoding,
}

/// A command to send, and how to look at its reply.
#[derive(Clone, Debug)]
pub(super) struct Command {
    pub(super) args: Vec<String>,
    pub(super) compare: Compare,
    /// Must not run outside of a transaction.
    pub(super) needs_exec: bool,
}

/// A part of a template.
enum Part {
    Word(String),
    Pool(String),
    Optional(Vec<Part>),
    Choice(Vec<Vec<Part>>),
    Repeated(Vec<Part>),
}

struct Template {
    parts: Vec<Part>,
    compare: Compare,
    needs_exec: bool,
    is_plain: bool,
}

/// All templates and pools.
pub(super) struct Grammar {
    pools: BTreeMap<String, Vec<String>>,
    keys: Vec<String>,
    templates: Vec<Template>,
}

/// No seed takes that long.
const SOON_MS: i64 = 600_000;

/// Pools of keys: what stands in them can stand for each other.
const KEY_POOLS: [&str; 10] = [
    "str", "num", "hash", "list", "set", "ints", "zset", "stream", "hll", "geo",
];

impl Grammar {
    pub(super) fn parse(text: &str) -> Self {
        let mut grammar = Self {
            pools: BTreeMap::new(),
            keys: Vec::new(),
            templates: Vec::new(),
        };
        for line in text.lines() {
            if let Some((name, words)) = line.strip_prefix('@').and_then(|l| l.split_once(" = ")) {
                grammar.pools.insert(name.to_owned(), words_of(words));
            } else if !line.is_empty() && !line.starts_with('#') {
                grammar.templates.push(template(line));
            }
        }
        grammar.keys = KEY_POOLS
            .iter()
            .flat_map(|pool| grammar.pools[*pool].clone())
            .collect();
        grammar
    }

    /// One command.
    pub(super) fn command(&self) -> Command {
        loop {
            let command = self.any_command();
            if !expires_soon(&command.args) {
                return command;
            }
        }
    }

    fn any_command(&self) -> Command {
        let template = &self.templates[below(self.templates.len())];
        let mut args = Vec::new();
        self.expand(&template.parts, &mut args);
        if below(12) == 0 && !template.is_plain {
            self.mutate(&mut args);
        }
        Command {
            args,
            compare: template.compare,
            needs_exec: template.needs_exec,
        }
    }

    fn expand(&self, parts: &[Part], args: &mut Vec<String>) {
        for part in parts {
            match part {
                Part::Word(word) => args.push(word.clone()),
                Part::Pool(name) => args.push(self.pick(name)),
                Part::Optional(parts) => {
                    if below(2) == 0 {
                        self.expand(parts, args);
                    }
                }
                Part::Choice(choices) => {
                    self.expand(&choices[below(choices.len())], args);
                }
                Part::Repeated(parts) => {
                    (0..=below(3)).for_each(|_| self.expand(parts, args));
                }
            }
        }
    }

    fn pick(&self, pool: &str) -> String {
        let is_key = KEY_POOLS.contains(&pool);
        let words = match pool {
            "any" => &self.keys,
            _ if is_key && below(16) == 0 => &self.keys,
            _ if !is_key && below(40) == 0 => &self.pools["odd"],
            _ => &self.pools[pool],
        };
        words[below(words.len())].clone()
    }

    /// Spoils a command a little.
    fn mutate(&self, args: &mut Vec<String>) {
        let at = below(args.len());
        match below(6) {
            0 if at > 0 => drop(args.remove(at)),
            1 if at > 0 => args.insert(at, args[at].clone()),
            2 if at > 0 => args[at] = self.pick("odd"),
            3 => args.push(self.pick(["odd", "word", "int"][below(3)])),
            4 => {
                let other = below(args.len());
                if at > 0 && other > 0 {
                    args.swap(at, other);
                }
            }
            _ => args[0] = args[0].to_lowercase(),
        }
    }
}

/// Whether a key is given so little time that it may be gone in one server and not yet in the
/// other. Absolute times are far away or long gone.
fn expires_soon(args: &[String]) -> bool {
    let is_soon = |at: usize, unit_ms: i64| {
        let time = args.get(at).and_then(|arg| arg.parse::<i64>().ok());
        time.is_some_and(|time| (1..SOON_MS / unit_ms).contains(&time))
    };
    let name = args[0].to_lowercase();
    let option = |word: &str, unit_ms| {
        let mut places = (2..args.len()).filter(|&at| args[at].eq_ignore_ascii_case(word));
        places.any(|at| is_soon(at + 1, unit_ms))
    };
    match name.as_str() {
        "psetex" | "pexpire" | "restore" => is_soon(2, 1),
        "setex" | "expire" => is_soon(2, 1000),
        "set" | "getex" => option("px", 1) || option("ex", 1000),
        _ => false,
    }
}

/// A seed once found it: ten milliseconds from `PSETEX s1 4000000 10` with its arguments swapped.
#[test]
fn what_expires_while_a_seed_runs_is_recognised() {
    for (command, expected) in [
        ("PSETEX s1 10 4000000", true),
        ("psetex s1 4000000 10", false),
        ("SETEX s1 5 v", true),
        ("SETEX s1 5000 v", false),
        ("EXPIRE s1 -1 NX", false),
        ("EXPIRE s1 0", false),
        ("SET s1 v NX px 10", true),
        ("SET px 10", false),
        ("GETEX s1 EX 2", true),
        ("RESTORE z1 1 garbage", true),
        ("SET s1", false),
        ("PSETEX", false),
    ] {
        assert_eq!(expires_soon(&words_of(command)), expected, "{command}");
    }
}

/// Words separated by spaces, some of them in quotes.
pub(super) fn words_of(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (word, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').expect("a closing quote"),
            None => rest.split_once(' ').unwrap_or((rest, "")),
        };
        words.push(word.to_owned());
        rest = after.trim_start();
    }
    words
}

fn template(line: &str) -> Template {
    let (notes, body) = line.split_once(": ").unwrap_or(("", line));
    let mut compare = Compare::Exact;
    let (mut needs_exec, mut is_plain) = (false, false);
    for note in notes.split_whitespace() {
        compare = match note {
            "unordered" => Compare::Unordered,
            "pairs" => Compare::Pairs,
            "scan" => Compare::Scan,
            "near" => Compare::Near,
            "shape" => Compare::Shape,
            "refused" => Compare::Refused,
            "encoding" => Compare::Encoding,
            _ => compare,
        };
        needs_exec |= note == "exec";
        is_plain |= note == "plain";
    }
    let mut rest = body;
    let parts = sequence(&mut rest);
    assert!(rest.is_empty(), "{line}: {rest:?} is left");
    Template {
        parts,
        compare,
        needs_exec,
        is_plain,
    }
}

/// Parts up to the end or to something that closes a group.
fn sequence(rest: &mut &str) -> Vec<Part> {
    let mut parts = Vec::new();
    loop {
        *rest = rest.trim_start();
        let Some(first) = rest.chars().next() else {
            return parts;
        };
        let part = match first {
            ']' | ')' | '}' | '|' => return parts,
            '[' => Part::Optional(group(rest).remove(0)),
            '(' => Part::Choice(group(rest)),
            '{' => Part::Repeated(group(rest).remove(0)),
            _ => {
                let end = rest.find([' ', ']', ')', '}', '|']).unwrap_or(rest.len());
                let (word, after) = rest.split_at(end);
                *rest = after;
                let pool = word.strip_prefix('<').and_then(|w| w.strip_suffix('>'));
                match pool {
                    Some(pool) => Part::Pool(pool.to_owned()),
                    None => Part::Word(word.to_owned()),
                }
            }
        };
        parts.push(part);
    }
}

/// The alternatives in a group; `rest` begins with what opens it.
fn group(rest: &mut &str) -> Vec<Vec<Part>> {
    let mut alternatives = Vec::new();
    loop {
        *rest = &rest[1..];
        alternatives.push(sequence(rest));
        if !rest.starts_with('|') {
            *rest = &rest[1..];
            return alternatives;
        }
    }
}
