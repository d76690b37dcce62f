#include "consumers/position_token.hpp"

#include <charconv>
#include <map>
#include <optional>

namespace tidemark::consumers {

namespace {

// Takes a decimal number from the front of the text; nothing if there is none (or it does not fit).
template <class Number>
std::optional<Number> take_number(std::string_view& text) {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{}) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return value;
}

bool take(std::string_view& text, char wanted) {
    if (text.empty() || text.front() != wanted) return false;
    text.remove_prefix(1);
    return true;
}

}  // namespace

std::string log_mark(const LogIdentity& log) {
    return log.id.text().substr(0, 8);
}

std::string format_position_token(const LogIdentity& log, std::span<const events::Position> positions) {
    std::map<events::Partition, events::Sequence> last;
    for (const auto& position : positions) {
        auto& sequence = last[position.partition];
        sequence = std::max(sequence, position.sequence);
    }
    std::string token = log_mark(log) + '-' + std::to_string(log.incarnation) + ':';
    for (const auto& [partition, sequence] : last) {
        if (token.back() != ':') token += ',';
        token += std::to_string(partition) + '.' + std::to_string(sequence);
    }
    return token;
}

std::expected<std::vector<events::Position>, std::string> parse_position_token(std::string_view token,
                                                                               const LogIdentity& log) {
    const auto malformed = [&] {
        return std::unexpected("not a position token (log-incarnation:partition.sequence,...): \"" +
                               std::string(token) + "\"");
    };
    if (token.size() > 64 * 1024)
        return std::unexpected<std::string>("the position token is longer than any that was given out");
    auto rest = token;
    const auto mark = rest.substr(0, rest.find('-'));
    rest.remove_prefix(mark.size());
    if (!take(rest, '-')) return malformed();
    const auto incarnation = take_number<std::uint64_t>(rest);
    if (!incarnation || !take(rest, ':')) return malformed();
    if (mark != log_mark(log)) {
        return std::unexpected("the position token belongs to log " + std::string(mark.substr(0, 64)) + ", this is " +
                               log_mark(log) + ": ask again without it");
    }
    if (*incarnation != log.incarnation) {
        return std::unexpected("the position token belongs to incarnation " + std::to_string(*incarnation) +
                               " of the log, this is " + std::to_string(log.incarnation) + ": ask again without it");
    }
    std::vector<events::Position> positions;
    while (!rest.empty()) {
        if (!positions.empty() && !take(rest, ',')) return malformed();
        const auto partition = take_number<events::Partition>(rest);
        if (!partition || !take(rest, '.')) return malformed();
        const auto sequence = take_number<events::Sequence>(rest);
        if (!sequence) return malformed();
        if (*partition >= log.partitions) {
            return std::unexpected("the position token names partition " + std::to_string(*partition) +
                                   ", the log has " + std::to_string(log.partitions));
        }
        positions.push_back({*partition, *sequence});
    }
    return positions;
}

}  // namespace tidemark::consumers
