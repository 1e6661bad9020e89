//! The notation of a command's arguments, and its parser: what `COMMAND DOCS` answers from.
//!
//! Arguments are separated by spaces. Each is
//! `name[:type][@keyspec][=TOKEN][!][?][*|**][^since][~deprecated]`, where
//! - `:type` is one of `key`, `integer`, `double`, `pattern`, `unix-time`; a string otherwise;
//! - `@0` names the key spec that finds it, `=LIMIT` or `="*"` the word before it;
//! - `!` marks a word without a value, `?` an optional argument, `*` one that may be repeated, `**`
//!   one that is repeated together with its word;
//! - `name?(a | b)` is a choice, `name*{a b}` a sequence.
//!
//! Commands carry the text; it is parsed only when somebody asks for the documentation. A test
//! parses the text of every command.

/// What kind of value an argument takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    String,
    /// The name of a key.
    Key,
    /// A 64-bit integer.
    Integer,
    /// A double.
    Double,
    /// A glob.
    Pattern,
    /// Seconds or milliseconds since 1970.
    UnixTime,
    /// A word that stands for itself.
    PureToken,
    /// One of several arguments.
    OneOf,
    /// Several arguments in a row.
    Block,
}

impl Kind {
    /// The name in `COMMAND DOCS`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Key => "key",
            Self::Integer => "integer",
            Self::Double => "double",
            Self::Pattern => "pattern",
            Self::UnixTime => "unix-time",
            Self::PureToken => "pure-token",
            Self::OneOf => "oneof",
            Self::Block => "block",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        let typed = [
            Self::Key,
            Self::Integer,
            Self::Double,
            Self::Pattern,
            Self::UnixTime,
        ];
        typed.into_iter().find(|kind| kind.name() == name)
    }
}

/// One argument, with the fields of `COMMAND DOCS`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it takes.
    pub kind: Kind,
    /// Index of the key spec that finds it.
    pub key_spec: Option<i64>,
    /// The word that stands before it, or that it is.
    pub token: Option<&'a str>,
    /// First version that had it, where the command is older.
    pub since: Option<&'a str>,
    /// Version from which on it is deprecated.
    pub deprecated_since: Option<&'a str>,
    /// It may be left out.
    pub optional: bool,
    /// It may be repeated.
    pub multiple: bool,
    /// Its word is repeated with it.
    pub multiple_token: bool,
    /// The alternatives of a choice, the members of a sequence.
    pub arguments: Vec<Argument<'a>>,
}

/// Parses the arguments of a command; no text, no arguments.
///
/// # Errors
/// The rest of the text from where it makes no sense.
pub fn parse(notation: &str) -> Result<Vec<Argument<'_>>, &str> {
    let mut parser = Parser { rest: notation };
    let arguments = if notation.is_empty() {
        Vec::new()
    } else {
        parser.list(" ")?
    };
    if parser.rest.is_empty() {
        Ok(arguments)
    } else {
        Err(parser.rest)
    }
}

struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn skip(&mut self, prefix: &str) -> bool {
        let found = self.rest.strip_prefix(prefix);
        self.rest = found.unwrap_or(self.rest);
        found.is_some()
    }

    /// Everything up to the first character for which `ends` holds.
    fn take_until(&mut self, ends: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(ends).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    fn word(&mut self) -> &'a str {
        self.take_until(|c| "@=!?*^~({)}| ".contains(c))
    }

    /// Arguments with `separator` between them.
    fn list(&mut self, separator: &str) -> Result<Vec<Argument<'a>>, &'a str> {
        let mut arguments = vec![self.argument()?];
        while self.skip(separator) {
            arguments.push(self.argument()?);
        }
        Ok(arguments)
    }

    fn argument(&mut self) -> Result<Argument<'a>, &'a str> {
        let start = self.rest;
        let word = self.word();
        let typed = word
            .rsplit_once(':')
            .and_then(|(name, kind)| Some((name, Kind::from_name(kind)?)));
        // Names may hold a colon themselves, such as `ip:port`.
        let (name, kind) = typed.unwrap_or((word, Kind::String));
        if name.is_empty() {
            return Err(start);
        }
        let key_spec = if self.skip("@") {
            Some(self.number()?)
        } else {
            None
        };
        let token = if self.skip("=") {
            Some(self.token()?)
        } else {
            None
        };
        let pure = self.skip("!");
        let mut argument = Argument {
            name,
            kind: if pure { Kind::PureToken } else { kind },
            key_spec,
            token,
            optional: self.skip("?"),
            multiple: self.skip("*"),
            multiple_token: self.skip("*"),
            since: self.skip("^").then(|| self.word()),
            deprecated_since: self.skip("~").then(|| self.word()),
            arguments: Vec::new(),
        };
        for (open, close, separator, kind) in
            [("(", ")", " | ", Kind::OneOf), ("{", "}", " ", Kind::Block)]
        {
            if self.skip(open) {
                argument.kind = kind;
                argument.arguments = self.list(separator)?;
                if !self.skip(close) {
                    return Err(self.rest);
                }
            }
        }
        Ok(argument)
    }

    fn number(&mut self) -> Result<i64, &'a str> {
        let start = self.rest;
        self.take_until(|c| !c.is_ascii_digit())
            .parse()
            .map_err(|_| start)
    }

    /// A word, or anything between quotes.
    fn token(&mut self) -> Result<&'a str, &'a str> {
        if !self.skip("\"") {
            return Ok(self.word());
        }
        let token = self.take_until(|c| c == '"');
        if self.skip("\"") {
            Ok(token)
        } else {
            Err(self.rest)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(notation: &str) -> Argument<'_> {
        let mut arguments = parse(notation).unwrap();
        assert_eq!(arguments.len(), 1);
        arguments.remove(0)
    }

    #[test]
    fn every_mark_is_read() {
        let argument = one("count:integer@2=COUNT?**^6.2.0~7.0.0");
        assert_eq!((argument.name, argument.kind), ("count", Kind::Integer));
        assert_eq!(
            (argument.key_spec, argument.token),
            (Some(2), Some("COUNT"))
        );
        assert!(argument.optional && argument.multiple && argument.multiple_token);
        assert_eq!(
            (argument.since, argument.deprecated_since),
            (Some("6.2.0"), Some("7.0.0"))
        );
        assert_eq!(one("nx=NX!").kind, Kind::PureToken);
        assert_eq!(one("id=\"*\"!").token, Some("*"));
        assert_eq!(one("empty=\"\"!").token, Some(""));
        assert_eq!(one("ip:port=ADDR?").name, "ip:port");
    }

    #[test]
    fn choices_and_sequences_nest() {
        let limit = one("limit=LIMIT?{offset:integer size(a=A! | b=B!)}");
        assert_eq!((limit.kind, limit.token), (Kind::Block, Some("LIMIT")));
        assert_eq!(limit.arguments[1].kind, Kind::OneOf);
        assert_eq!(limit.arguments[1].arguments[1].token, Some("B"));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for bad in [
            " a", "a ", "a  b", "a(b", "a(b}", "a)", "a@x", "a=\"b", "a(b|c)", "=A",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert_eq!(parse(""), Ok(Vec::new()));
    }
}
