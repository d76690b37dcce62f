#include "api/http/read_position.hpp"

#include "api/http/answers.hpp"
#include "consumers/position_token.hpp"

#include <algorithm>
#include <thread>

namespace tidemark::api {

std::expected<std::vector<events::Position>, Response> at_least(const Context& context, const Request& request) {
    const auto token = request.header("tidemark-at-least");
    if (!token) {
        return std::vector<events::Position>{};
    }
    auto positions = consumers::parse_position_token(*token, context.services.log.identity());
    if (!positions) {
        return std::unexpected(problem(400, "BadPosition", positions.error(), "Tidemark-At-Least"));
    }
    return std::move(*positions);
}

// The derived stores tell of their progress to the command processor alone; they are a few milliseconds behind at
// most, so looking again is enough.
std::optional<Response> wait_for_derived(const Context& context, const Request& request) {
    const auto positions = at_least(context, request);
    if (!positions) {
        return positions.error();
    }
    const auto deadline = std::chrono::steady_clock::now() + context.options.view_wait;
    const auto reached = [&](const events::Position& position) {
        return context.services.derived.followed(position.partition) > position.sequence;
    };
    while (!std::ranges::all_of(*positions, reached)) {
        if (std::chrono::steady_clock::now() > deadline) {
            return problem(503, "StreamsBehind", "the stream index has not reached that position yet; try again",
                           "Tidemark-At-Least");
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return std::nullopt;
}

std::expected<std::unique_ptr<projections::ViewReader>, Response> open_view(const Context& context,
                                                                            const Request& request,
                                                                            std::string_view projection) {
    const auto positions = at_least(context, request);
    if (!positions) {
        return std::unexpected(positions.error());
    }
    auto reader = context.services.projector.read(projection, *positions,
                                                  std::chrono::steady_clock::now() + context.options.view_wait);
    if (!reader) {
        return std::unexpected(
            problem(503, "ViewBehind",
                    "the view \"" + std::string(projection) + "\" has not reached that position yet; try again",
                    "Tidemark-At-Least"));
    }
    return reader;
}

}  // namespace tidemark::api
