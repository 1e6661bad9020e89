//! The frame of the HELP subcommands.

use resp::ReplyWriter;

/// Writes a container's help: the frame that clients know, with these lines in it.
pub(crate) fn reply(container: &str, lines: &[&str], out: &mut ReplyWriter<'_>) {
    out.array(lines.len() + 3);
    out.simple(&format!(
        "{container} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"
    ));
    lines.iter().for_each(|line| out.simple(line));
    out.simple("HELP");
    out.simple("    Print this help.");
}
