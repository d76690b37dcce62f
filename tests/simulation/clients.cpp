#include "tests/simulation/clients.hpp"

#include "consumers/command_processor/answered.hpp"
#include "tests/support/commands.hpp"

#include <algorithm>

namespace tidemark::tests::simulation {
namespace {

const events::KeyedDigest& body_key() {
    static const events::KeyedDigest key(digest_key);
    return key;
}

}  // namespace

std::string Clients::stream(const char* prefix, std::uint64_t count) {
    return prefix + std::to_string(dice_.below(count));
}

// Few streams, so that commands meet: on the same stream, and on what others refer to.
v1::Command Clients::fresh_command() {
    const std::string id = "command-" + std::to_string(++ids_);
    switch (dice_.below(16)) {
        case 0: return create_customer(stream("customer-", 3), id);
        case 1: return define_pipeline(stream("pipeline-", 2), id);
        case 2:
        case 3: return define_product(stream("product-", 5), id, 1);
        case 4:
        case 5:
        case 6:
        case 7: return change_price(stream("product-", 5), id, static_cast<std::int64_t>(dice_.below(30)));
        case 8:
        case 9:
        case 10: return open_sale(stream("sale-", 8), id, stream("customer-", 3), stream("pipeline-", 2));
        case 11:
        case 12: return change_stage(stream("sale-", 8), id, dice_.one_in(2) ? "offer" : "contract");
        case 13:
        case 14:
            return change_lines(stream("sale-", 8), id, stream("product-", 5),
                                5'000 + static_cast<std::int64_t>(dice_.below(3)));
        default: return win_sale(stream("sale-", 8), id);
    }
}

// Mostly what the client believes, sometimes what it believed before.
void Clients::maybe_expect_version(v1::Command& command) {
    if (!dice_.one_in(4)) return;
    const std::uint64_t known = known_versions_[command.stream_id()];
    command.set_expected_version(known > 0 && dice_.one_in(4) ? known - 1 : known);
}

v1::Command Clients::other_body(const Asked& asked) {
    v1::Command other = asked.command;
    other.set_expected_version(asked.command.expected_version() + 1 + dice_.below(3));
    return other;
}

// The same body under the same id is the same question.
Asked& Clients::ask(v1::Command command) {
    v1::Command sent = command;
    if (defect_ == Defect::skips_version_check) sent.clear_expected_version();
    const events::Digest body = consumers::body_digest(body_key(), sent, true);
    const auto known = std::ranges::find_if(asked_, [&](const Asked& asked) {
        return asked.body == body && asked.command.command_id() == command.command_id();
    });
    if (known != asked_.end()) return *known;
    Asked& asked = asked_.emplace_back();
    asked.command = std::move(command);
    asked.body = body;
    return asked;
}

consumers::Submission Clients::send(Asked& asked) {
    if (asked.first_sent == 0) asked.first_sent = ++moment_;
    ++asked.under_way;
    last_batch_.push_back(&asked);
    consumers::Submission submission;
    submission.command = asked.command;
    if (defect_ == Defect::skips_version_check) submission.command.clear_expected_version();
    submission.answer = [this, &asked](v1::Outcome outcome) { answered(asked, std::move(outcome)); };
    return submission;
}

void Clients::answered(Asked& asked, v1::Outcome outcome) {
    --asked.under_way;
    if (outcome.status() == v1::UNAVAILABLE) return;
    if (asked.first_answered == 0) asked.first_answered = ++moment_;
    if (outcome.status() == v1::ACCEPTED) known_versions_[asked.command.stream_id()] = outcome.version();
    asked.answers.push_back(std::move(outcome));
}

std::vector<consumers::Submission> Clients::batch(std::size_t fresh) {
    last_batch_.clear();
    std::vector<consumers::Submission> batch;
    for (std::size_t i = 0; i < fresh; ++i) {
        v1::Command command = fresh_command();
        maybe_expect_version(command);
        batch.push_back(send(ask(std::move(command))));
        if (dice_.one_in(4)) batch.push_back(send(asked_[dice_.below(asked_.size())]));
        if (dice_.one_in(20)) batch.push_back(send(ask(other_body(asked_[dice_.below(asked_.size())]))));
    }
    return batch;
}

std::vector<consumers::Submission> Clients::again(std::size_t one_in) {
    last_batch_.clear();
    std::vector<consumers::Submission> batch;
    for (Asked& asked : asked_) {
        if (asked.under_way == 0 && asked.first_answered == 0 && dice_.one_in(one_in)) batch.push_back(send(asked));
    }
    return batch;
}

void Clients::refused(std::size_t submissions) {
    for (auto at = last_batch_.end() - static_cast<std::ptrdiff_t>(submissions); at != last_batch_.end(); ++at) {
        --(*at)->under_way;
    }
}

void Clients::server_died() {
    for (Asked& asked : asked_) asked.under_way = 0;
}

bool Clients::waiting() const {
    return std::ranges::any_of(asked_, [](const Asked& asked) { return asked.under_way > 0; });
}

}  // namespace tidemark::tests::simulation
