//! Which of the two grammars a command line is written in.

use super::super::words::Words;
use super::{nouns, script};

/// Whether it is the script's; `modern` if the environment is set up for its successor.
///
/// `words` were sorted with the options of both; options of the successor's commands are strange to it.
pub fn is_script(words: &Words, modern: bool) -> bool {
    let mut plain = words.plain.iter().map(String::as_str);
    let (verb, object) = (plain.next().unwrap_or_default(), plain.next());
    let own = ["format", "sort", "sort-reverse", "depth", "ssl", "request-timeout", "bash-completion"];
    if !script::VERBS.contains(&verb) {
        return false;
    }
    if own.iter().any(|name| words.has(name)) || words.plain.iter().skip(1).any(|word| word.contains('=')) {
        return words.check().is_ok();
    }
    let strange = words.check().is_err();
    match verb {
        _ if strange || words.has("non-interactive") || words.has("table-style") || words.has("use-tls") => {
            false
        }
        "list" | "show" => {
            !modern && object.is_none_or(|object| script::is_listed(object) || !nouns::is_known(verb, object))
        }
        "help" => true,
        "export" | "import" => object.is_some(),
        // The successor's commands of these names take options, which would be strange here.
        "declare" | "delete" | "close" | "purge" => !modern && !matches!(object, Some("queues" | "messages")),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::ctl::admin::{OPTIONS, SCRIPT};

    fn script(line: &str) -> bool {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        is_script(&Words::sort(&words, &[OPTIONS, SCRIPT]), false)
    }

    #[test]
    fn the_scripts_words_are_known_by_their_equals_signs_and_its_options() {
        for line in [
            "list queues",
            "list queues name messages",
            "-f pretty_json list queues",
            "declare queue name=q durable=true",
            "--vhost=v declare queue name=q",
            "publish routing_key=k payload=p",
            "get queue=q count=2",
            "export file.json",
            "show overview",
            "-H h -P 1 -u a -p b delete queue name=q",
        ] {
            assert!(script(line), "{line}");
        }
    }

    #[test]
    fn its_successors_words_are_known_by_their_nouns_and_options() {
        for line in [
            "queues list",
            "list user_limits",
            "list queues --columns name",
            "declare queue --name q --durable true",
            "publish message -r k -m p",
            "get messages --queue q",
            "definitions export --file f",
            "health_check local_alarms",
            "show memory_breakdown_in_bytes --node n",
            "--table-style ascii list queues",
        ] {
            assert!(!script(line), "{line}");
        }
    }
}
