#include "api/http/read_position.hpp"

#include "api/http/answers.hpp"
#include "consumers/position_token.hpp"

#include <algorithm>

namespace tidemark::api {
namespace {

using Clock = std::chrono::steady_clock;
using Positions = std::vector<events::Position>;

constexpr std::chrono::milliseconds first_look{1};
constexpr std::chrono::milliseconds last_look{64};  // apart: many that wait should cost little

std::expected<Positions, Response> at_least(const Context& context, const Request& request) {
    const auto token = request.header("tidemark-at-least");
    if (!token) {
        return Positions{};
    }
    auto positions = consumers::parse_position_token(*token, context.services.log.identity());
    if (!positions) {
        return std::unexpected(problem(400, "BadPosition", positions.error(), "Tidemark-At-Least"));
    }
    for (const auto& position : *positions) {
        // An answer goes out when its block counts: a position that was given out is never beyond the end.
        if (position.sequence >= context.services.log.end(position.partition).tip.next_sequence) {
            return std::unexpected(problem(400, "BadPosition",
                                           "the position token names record " + std::to_string(position.sequence) +
                                               " of partition " + std::to_string(position.partition) +
                                               ", which is beyond the end of the log",
                                           "Tidemark-At-Least"));
        }
    }
    return std::move(*positions);
}

bool view_passed(const Context& context, std::string_view view, const Positions& positions) {
    return context.services.projector.read(view, positions, Clock::now()) != nullptr;
}

bool passed(const Context& context, const Sources& sources, const Positions& positions) {
    if (sources.empty()) {
        return std::ranges::all_of(positions, [&](const events::Position& position) {
            return context.services.derived.followed(position.partition) > position.sequence;
        });
    }
    return std::ranges::all_of(sources, [&](std::string_view view) { return view_passed(context, view, positions); });
}

Response view_behind(std::string_view view) {
    return problem(
        503, "ViewBehind",
        "the view \"" + std::string(view) + "\" is not made yet, or has not reached that position; try again",
        "Tidemark-At-Least");
}

Response behind(const Context& context, const Sources& sources, const Positions& positions) {
    if (sources.empty()) {
        return problem(503, "StreamsBehind", "the stream index has not reached that position yet; try again",
                       "Tidemark-At-Least");
    }
    const auto late =
        std::ranges::find_if(sources, [&](std::string_view view) { return !view_passed(context, view, positions); });
    return view_behind(late == sources.end() ? sources.front() : *late);  // or it has just come
}

// A query before its turn. Everything runs on the connection's thread; when the connection goes, so does this.
class Waiting : public std::enable_shared_from_this<Waiting> {
public:
    Waiting(const Context& context, RequestPtr request, Positions positions, Sources sources, Query query,
            std::shared_ptr<Exchange> exchange)
        : context_(context),
          request_(std::move(request)),
          positions_(std::move(positions)),
          sources_(std::move(sources)),
          query_(std::move(query)),
          exchange_(std::move(exchange)) {}

    void look_again() {
        exchange_->after(pause_, [self = shared_from_this()] { self->look(); });
        pause_ = std::min(2 * pause_, last_look);
    }

private:
    void look() {
        if (passed(context_, sources_, positions_)) {
            // The exchange's timer was the deadline of the whole request until it was taken for waiting.
            exchange_->after(context_.options.deadline, [exchange = exchange_] {
                exchange->respond(problem(503, "DeadlineExceeded", "the query did not end in time"));
            });
            answer_on_pool(context_, request_, Responder(exchange_), std::move(query_));
        } else if (Clock::now() - began_ > context_.options.view_wait || exchange_->stopping()) {
            exchange_->respond(behind(context_, sources_, positions_));
        } else {
            look_again();
        }
    }

    const Context& context_;
    RequestPtr request_;
    Positions positions_;
    Sources sources_;
    Query query_;
    std::shared_ptr<Exchange> exchange_;
    Clock::time_point began_ = Clock::now();
    std::chrono::milliseconds pause_ = first_look;
};

}  // namespace

void answer_when_passed(const Context& context, RequestPtr request, Responder responder, Sources sources, Query query) {
    auto positions = at_least(context, *request);
    if (!positions) {
        responder.respond(std::move(positions.error()));
    } else if (passed(context, sources, *positions)) {
        answer_on_pool(context, std::move(request), std::move(responder), std::move(query));
    } else {
        std::make_shared<Waiting>(context, std::move(request), std::move(*positions), std::move(sources),
                                  std::move(query), responder.stream())
            ->look_again();
    }
}

std::expected<std::unique_ptr<projections::ViewReader>, Response> open_view(const Context& context,
                                                                            std::string_view projection) {
    auto reader = context.services.projector.read(projection, {}, Clock::now());
    if (!reader) {
        return std::unexpected(view_behind(projection));
    }
    return reader;
}

}  // namespace tidemark::api
