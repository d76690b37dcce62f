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

std::string format_position_token(std::uint64_t incarnation, std::span<const events::Position> positions) {
    std::map<events::Partition, events::Sequence> last;
    for (const auto& position : positions) {
        auto& sequence = last[position.partition];
        sequence = std::max(sequence, position.sequence);
    }
    std::string token = std::to_string(incarnation) + ':';
    for (const auto& [partition, sequence] : last) {
        if (token.back() != ':') token += ',';
        token += std::to_string(partition) + '.' + std::to_string(sequence);
    }
    return token;
}

std::expected<std::vector<events::Position>, std::string> parse_position_token(std::string_view token,
                                                                               const LogIdentity& log) {
    const auto malformed = [&] {
        return std::unexpected("not a position token (incarnation:partition.sequence,...): \"" + std::string(token) +
                               "\"");
    };
    if (token.size() > 64 * 1024)
        return std::unexpected<std::string>("the position token is longer than any that was given out");
    auto rest = token;
    const auto incarnation = take_number<std::uint64_t>(rest);
    if (!incarnation || !take(rest, ':')) return malformed();
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
