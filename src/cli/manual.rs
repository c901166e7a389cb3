//! The manual of the command line as Markdown, made from the very options that are parsed: docs/cli.md.
use super::{Root, failure};
use clap::{Arg, Command, CommandFactory};
use std::fmt::Write;

const HEAD: &str = "\
<!-- Made by `make api` from the program's own options: edit src/cli/, not this page. -->
# The command line

`serve`, `migrate`, `config` and `doctor` work on the machine itself. Every other verb asks the running program: on its
own machine through a socket in the data directory, without a token, as the service's user or root; from elsewhere with
`--server URL` and an API token in `HYWARDEN_TOKEN` or `--token-file`.

Users, nodes and groups are named by name or id, devices by id or as `USER/NAME`.

- Sizes: `10GiB`, `500MB`, `1.5TB`, a number of bytes, `unlimited`. Powers of 1024 with an i, of 1000 without.
- Rates: `1Gbit`, `100Mbit`: bits a second, decimal.
- Times: `30d`, `12h`, `10m`, `5s`, `1d12h`; where an instant fits, `2027-01-31T00:00:00Z` or `never`, too.
- `--json` prints the API's answer: one object, or for lists one array with an element a line; its fields are stable.
  Errors then are one JSON line on standard error, with a stable `code`. `events tail --follow --json` prints one object
  a line, as they come.
- Without `--json`, results go to standard output and remarks to standard error.

";

/// The whole manual.
pub fn manual() -> String {
    let mut root = Root::command();
    root.build();
    let codes = failure::HELP.replace("Exit codes:\n", "");
    let mut out = format!("{HEAD}## Exit codes\n\n| code | meaning |\n|---|---|\n");
    for line in codes.lines() {
        let (code, meaning) = line.trim().split_once(' ').unwrap_or((line, ""));
        let _ = writeln!(out, "| {code} | {} |", meaning.trim());
    }
    let _ = writeln!(out, "\n## Options of every verb\n");
    for arg in root.get_arguments().filter(|arg| arg.is_global_set()) {
        option(arg, &mut out);
    }
    if let Some(user) = root.find_subcommand("user") {
        let _ = writeln!(out, "\n## Options of every verb that asks the program\n");
        for arg in user
            .get_arguments()
            .filter(|arg| arg.is_global_set() && !is_inherited(arg, &root))
        {
            option(arg, &mut out);
        }
    }
    for command in root.get_subcommands().filter(|c| is_shown(c)) {
        section(command, &mut out);
    }
    out
}

fn section(command: &Command, out: &mut String) {
    let about = command
        .get_about()
        .map(ToString::to_string)
        .unwrap_or_default();
    let _ = writeln!(out, "\n## `{}`\n\n{about}.", full_name(command));
    let verbs: Vec<&Command> = command.get_subcommands().filter(|c| is_shown(c)).collect();
    if verbs.is_empty() {
        arguments(command, out);
    }
    for verb in verbs {
        let about = verb
            .get_about()
            .map(ToString::to_string)
            .unwrap_or_default();
        let _ = writeln!(out, "\n### `{}`\n\n{about}.", usage(verb));
        let aliases: Vec<&str> = verb.get_visible_aliases().collect();
        if !aliases.is_empty() {
            let _ = writeln!(out, "Also: `{}`.", aliases.join("`, `"));
        }
        arguments(verb, out);
    }
}

fn arguments(command: &Command, out: &mut String) {
    let mut gap = "\n";
    let own =
        |arg: &&Arg| !arg.is_global_set() && !matches!(arg.get_id().as_str(), "help" | "version");
    for arg in command.get_arguments().filter(own) {
        if arg.is_positional() && arg.get_help().is_none() {
            continue;
        }
        out.push_str(gap);
        gap = "";
        option(arg, out);
    }
}

fn option(arg: &Arg, out: &mut String) {
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let _ = write!(out, "- `{}`: {help}", written(arg));
    let words: Vec<String> = arg
        .get_possible_values()
        .iter()
        .filter(|_| arg.get_action().takes_values())
        .map(|word| word.get_name().to_owned())
        .collect();
    if !words.is_empty() {
        let _ = write!(out, " (`{}`)", words.join("`, `"));
    }
    if let Some(env) = arg.get_env() {
        let _ = write!(out, "; environment `{}`", env.display());
    }
    out.push('\n');
}

/// As it is written on the command line: `--quota <SIZE>`.
fn written(arg: &Arg) -> String {
    let names: Vec<String> = arg
        .get_value_names()
        .unwrap_or_default()
        .iter()
        .map(|name| format!("<{name}>"))
        .collect();
    match arg.get_long() {
        Some(long) if arg.get_action().takes_values() => format!("--{long} {}", names.join(" ")),
        Some(long) => format!("--{long}"),
        None => names.join(" "),
    }
}

fn usage(verb: &Command) -> String {
    let positionals = verb.get_positionals().map(written);
    let required = verb
        .get_opts()
        .filter(|arg| arg.is_required_set())
        .map(written);
    std::iter::once(full_name(verb))
        .chain(positionals)
        .chain(required)
        .collect::<Vec<_>>()
        .join(" ")
}

fn full_name(command: &Command) -> String {
    command
        .get_bin_name()
        .unwrap_or_else(|| command.get_name())
        .to_owned()
}

fn is_shown(command: &Command) -> bool {
    !command.is_hide_set() && command.get_name() != "help"
}

fn is_inherited(arg: &Arg, root: &Command) -> bool {
    root.get_arguments()
        .any(|other| other.get_id() == arg.get_id())
}
