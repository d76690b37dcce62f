#include "tests/e2e/ledger.hpp"

#include <set>
#include <string_view>
#include <utility>

namespace tidemark::e2e {

namespace json = boost::json;

namespace {

std::string text(const json::object& object, std::string_view key) {
    const auto* value = object.if_contains({key.data(), key.size()});
    return value && value->is_string() ? std::string(value->get_string().data(), value->get_string().size())
                                       : std::string();
}

// 64-bit integers may come as numbers or, beyond 2^53, as text.
std::uint64_t number(const json::object& object, std::string_view key) {
    const auto* value = object.if_contains({key.data(), key.size()});
    if (!value) return 0;
    return value->is_string() ? std::stoull(text(object, key)) : value->to_number<std::uint64_t>();
}

using Place = std::pair<std::uint64_t, std::uint64_t>;  // partition, sequence

Place place_of(const json::object& of) {
    const auto* position = of.if_contains("position");
    if (!position || !position->is_object()) return {};
    return {number(position->get_object(), "partition"), number(position->get_object(), "sequence")};
}

std::vector<std::string> event_ids(const json::object& outcome) {
    std::vector<std::string> ids;
    if (const auto* list = outcome.if_contains("event_ids"); list && list->is_array()) {
        for (const auto& id : list->get_array()) ids.emplace_back(id.get_string().data(), id.get_string().size());
    }
    return ids;
}

// What the feed holds, with everything in it that contradicts itself.
struct FeedIndex {
    std::map<std::string, const json::object*> by_event_id;
    std::map<std::string, std::vector<const json::object*>> by_command;
    std::vector<std::string> faults;

    explicit FeedIndex(const std::vector<json::object>& feed) {
        std::map<std::uint64_t, std::uint64_t> next_sequence;  // per partition
        std::map<std::string, std::uint64_t> last_version;     // per stream
        for (const auto& record : feed) {
            const auto [partition, sequence] = place_of(record);
            if (auto& least = next_sequence[partition]; sequence < least) {
                faults.push_back("the feed goes back in partition " + std::to_string(partition) + " at sequence " +
                                 std::to_string(sequence));
            } else {
                least = sequence + 1;
            }
            const auto stream = text(record, "kind") + "/" + text(record, "stream_id");
            const auto version = number(record, "version");
            if (version != ++last_version[stream])
                faults.push_back(stream + " goes from version " + std::to_string(last_version[stream] - 1) + " to " +
                                 std::to_string(version));
            if (!by_event_id.emplace(text(record, "event_id"), &record).second)
                faults.push_back("event " + text(record, "event_id") + " is there twice");
            by_command[text(record, "command_id")].push_back(&record);
        }
    }
};

void hold_against_feed(const json::object& outcome, const FeedIndex& feed, std::vector<std::string>& faults) {
    const auto id = text(outcome, "command_id");
    const auto ids = event_ids(outcome);
    const auto found = feed.by_command.find(id);
    const std::size_t recorded = found == feed.by_command.end() ? 0 : found->second.size();
    if (recorded != ids.size()) {
        faults.push_back("command " + id + " was answered with " + std::to_string(ids.size()) +
                         " events, and the feed has " + std::to_string(recorded) + " of it");
        return;
    }
    for (const auto& event_id : ids) {
        const auto event = feed.by_event_id.find(event_id);
        if (event == feed.by_event_id.end() || text(*event->second, "command_id") != id)
            faults.push_back("event " + event_id + " of command " + id + " is not in the feed");
    }
    if (ids.empty() || recorded == 0) return;
    const auto& last = *found->second.back();
    if (place_of(last) != place_of(outcome) || number(last, "version") != number(outcome, "version"))
        faults.push_back("command " + id + " was told version " + std::to_string(number(outcome, "version")) +
                         " at sequence " + std::to_string(place_of(outcome).second) + "; the feed says " +
                         std::to_string(number(last, "version")) + " at " + std::to_string(place_of(last).second));
}

}  // namespace

void Ledger::sent(const Sent& command) {
    const std::lock_guard lock(mutex_);
    sent_.push_back(command);
}

void Ledger::answered(const json::object& outcome) {
    if (text(outcome, "status") == "UNAVAILABLE") return;
    const std::lock_guard lock(mutex_);
    const auto [place, fresh] = answers_.emplace(text(outcome, "command_id"), outcome);
    if (!fresh) forget_nothing_twice(place->second, outcome);
}

void Ledger::forget_nothing_twice(const json::object& former, const json::object& outcome) {
    auto without_flag = [](json::object copy) {
        copy.erase("repeated");
        return json::serialize(copy);
    };
    const auto* repeated = outcome.if_contains("repeated");
    if (!repeated || !repeated->is_bool() || !repeated->get_bool())
        contradictions_.push_back("a second answer is not told as repeated: " + json::serialize(outcome));
    if (without_flag(former) != without_flag(outcome))
        contradictions_.push_back("answered " + json::serialize(former) + " and later " + json::serialize(outcome));
}

std::size_t Ledger::answers() const {
    const std::lock_guard lock(mutex_);
    return answers_.size();
}

std::vector<Sent> Ledger::unanswered() const {
    const std::lock_guard lock(mutex_);
    std::vector<Sent> left;
    for (const auto& command : sent_) {
        if (!answers_.contains(command.command_id)) left.push_back(command);
    }
    return left;
}

std::vector<Sent> Ledger::every_nth_answered(std::size_t n) const {
    const std::lock_guard lock(mutex_);
    std::vector<Sent> some;
    for (std::size_t i = 0; i < sent_.size(); i += n) {
        if (answers_.contains(sent_[i].command_id)) some.push_back(sent_[i]);
    }
    return some;
}

std::vector<std::string> Ledger::faults(const std::vector<json::object>& feed) const {
    const FeedIndex index(feed);
    const std::lock_guard lock(mutex_);
    auto faults = contradictions_;
    faults.insert(faults.end(), index.faults.begin(), index.faults.end());
    for (const auto& [id, outcome] : answers_) hold_against_feed(outcome, index, faults);
    std::set<std::string> known;
    for (const auto& command : sent_) known.insert(command.command_id);
    for (const auto& [id, events] : index.by_command) {
        if (!known.contains(id)) faults.push_back("the feed has a command that nobody sent: " + id);
    }
    return faults;
}

std::vector<std::string> Ledger::faults_of(const std::vector<Sent>& commands,
                                           const std::vector<json::object>& feed) const {
    const FeedIndex index(feed);
    const std::lock_guard lock(mutex_);
    auto faults = contradictions_;
    faults.insert(faults.end(), index.faults.begin(), index.faults.end());
    for (const auto& command : commands) hold_against_feed(answers_.at(command.command_id), index, faults);
    return faults;
}

}  // namespace tidemark::e2e
