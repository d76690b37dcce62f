// What clients give back: cursors of the feed and position tokens. Whatever is read is written again as something that
// reads the same; whatever is not is refused in words.
#include "consumers/feed/cursor.hpp"
#include "consumers/position_token.hpp"
#include "tests/fuzz/targets.hpp"

#include <map>

namespace tidemark::tests::fuzz {

namespace {

consumers::LogIdentity log_of_three() {
    consumers::LogIdentity log;
    log.id.bytes.fill(0xa5);
    log.incarnation = 2;
    log.partitions = 3;
    return log;
}

std::string ours(const consumers::LogIdentity& log) {
    return consumers::log_mark(log) + "-" + std::to_string(log.incarnation);
}

}  // namespace

void cursor(std::string_view input) {
    const auto log = log_of_three();
    // As it is, and behind what names our log: most inputs would never get beyond that.
    for (const std::string& text : {std::string(input), ours(log) + "-" + std::string(input)}) {
        const auto places = consumers::parse_cursor(text, log);
        if (!places) {
            must(!places.error().empty(), "a refusal says why");
            continue;
        }
        must(places->size() == log.partitions, "a cursor has a place in every partition");
        const auto again = consumers::parse_cursor(consumers::cursor_text(log, *places), log);
        must(again && *again == *places, "a cursor that is read is written as one that reads the same");
    }
}

void position_token(std::string_view input) {
    const auto log = log_of_three();
    for (const std::string& text : {std::string(input), ours(log) + ":" + std::string(input)}) {
        const auto positions = consumers::parse_position_token(text, log);
        if (!positions) {
            must(!positions.error().empty(), "a refusal says why");
            continue;
        }
        std::map<events::Partition, events::Sequence> last;
        for (const auto& position : *positions) {
            must(position.partition < log.partitions, "a position lies in a partition that there is");
            auto& sequence = last[position.partition];
            sequence = std::max(sequence, position.sequence);
        }
        const auto again = consumers::parse_position_token(consumers::format_position_token(log, *positions), log);
        must(again && again->size() == last.size(), "a token keeps one position of each partition");
        for (const auto& position : *again) must(last[position.partition] == position.sequence, "and that the last");
    }
}

}  // namespace tidemark::tests::fuzz
