// POST /v1/commands: a stream of commands in, a stream of outcomes out, in the same order, while it is
// still being read. A bad line has an INVALID outcome, and the stream goes on.
#include "api/http/answers.hpp"
#include "api/http/bulk_reader.hpp"
#include "api/http/command_intake.hpp"
#include "api/http/context.hpp"

#include <deque>
#include <map>
#include <mutex>

namespace tidemark::api {
namespace {

constexpr std::size_t all_windows = 65'536;  // commands under way of all streams together, in equal shares:
constexpr std::size_t least_window = 64;
constexpr std::size_t outbox_bytes = 128u << 10;  // unsent; beyond it outcomes wait in the window
constexpr std::size_t commands_in_a_step = 128;
constexpr std::size_t flush_at_once = 256;
constexpr std::chrono::milliseconds first_retry{2};  // of submitting; twice as long each time that nothing is taken
constexpr std::chrono::milliseconds last_retry{16};

// One stream. All of it runs on the connection's thread, except `answered`.
class BulkStream : public std::enable_shared_from_this<BulkStream> {
public:
    BulkStream(const Context& context, Places::Place place, RequestPtr request, std::shared_ptr<Exchange> exchange,
               BulkFormat format)
        : context_(context),
          place_(std::move(place)),
          request_(std::move(request)),
          exchange_(std::move(exchange)),
          format_(format),
          reader_(format, context.options.line_bytes),
          term_(context.services.commands.term()) {}

    void start() {
        Response head;
        head.content_type = format_ == BulkFormat::ndjson ? ndjson_type : delimited_type;
        exchange_->begin(std::move(head));
        writing_ = true;
        exchange_->write({}, [self = shared_from_this()](bool sent) { self->written(sent); });
        go_on_soon();
    }

private:
    struct Slot {
        bool ready = false;
        v1::Outcome outcome;
    };

    // A step at a time, in turn with other streams: hundreds of them together must not hold up single requests.
    void go_on_soon() {
        if (!std::exchange(going_on_, true)) {
            exchange_->in_turn([self = shared_from_this()] {
                self->going_on_ = false;
                self->go_on();
            });
        }
    }

    // Goes on as far as there is room: in the window, in the processor's queue, in the outbox. Only when all that was
    // read is on its way is more read, so that a sender who is too fast for us, or does not read its outcomes, waits.
    void go_on() {
        if (dead_) {
            refused_.clear();  // nobody waits for them; their answers would keep this alive
            return;
        }
        if (cut_short()) {
            // What comes behind a command that was not decided is not decided either: the sender begins again there.
            ended_ = true;
            dry_ = true;
            give_up();
        }
        if (take_commands() == commands_in_a_step) {
            go_on_soon();
        }
        if (!refused_.empty()) {
            submit();
        }
        flush();
        if (!reading_ && !ended_ && dry_ && refused_.empty() && has_room()) {
            reading_ = true;
            exchange_->read([self = shared_from_this()](Chunk chunk) { self->came(chunk); });
        }
        if (ended_ && dry_ && refused_.empty() && under_way() == 0 && outbox_.empty() && !writing_) {
            dead_ = true;
            exchange_->finish();
        }
    }

    void came(Chunk chunk) {
        reading_ = false;
        reader_.add(chunk.bytes);
        dry_ = false;
        if (chunk.end) {
            ended_ = true;
            dead_ = dead_ || chunk.failed;  // what was submitted is decided all the same; nobody is there to hear it
            if (!chunk.failed && !chunk.stopped) {
                reader_.end();
            }
        }
        go_on_soon();
    }

    [[nodiscard]] bool has_room() {
        const std::size_t share =
            std::max(least_window, all_windows / context_.bulk_streams.taken());  // it has a place
        return under_way() < std::min(share, context_.options.stream_window) && outbox_.size() < outbox_bytes;
    }

    std::size_t take_commands() {
        std::size_t taken = 0;
        while (!dry_ && taken < commands_in_a_step && has_room()) {
            if (auto item = reader_.next()) {
                add(std::move(*item));
                ++taken;
            } else {
                dry_ = true;
            }
        }
        return taken;
    }

    void add(BulkItem item) {
        consumers::Submission submission;
        submission.command = std::move(item.command);
        default_from_headers(submission.command);
        std::optional<v1::Rejection> broken;
        if (item.fault) {
            broken = to_rejection(*item.fault);
        } else {
            broken = complete(submission, context_.services.clock());
        }
        ended_ = ended_ || item.last;
        std::uint64_t place = 0;
        {
            const std::lock_guard lock(mutex_);
            place = first_ + slots_.size();
            Slot& slot = slots_.emplace_back();
            slot.outcome.set_command_id(submission.command.command_id());
            if (broken) {
                slot.ready = true;
                slot.outcome.set_status(v1::INVALID);
                *slot.outcome.mutable_rejection() = std::move(*broken);
            }
        }
        if (!broken) {
            submission.term = term_;
            submission.lane = consumers::Lane::bulk;
            submission.answer = [self = shared_from_this(), place](v1::Outcome outcome) {
                self->answered(place, std::move(outcome));
            };
            if (refused_.empty()) {
                refused_since_ = std::chrono::steady_clock::now();
            }
            refused_.push_back(std::move(submission));
        }
    }

    // What the request's headers say holds for lines that do not say it themselves.
    void default_from_headers(v1::Command& command) const {
        if (const auto tenant = request_->header("tidemark-tenant"); tenant && command.tenant().empty()) {
            command.set_tenant(std::string(*tenant));
        }
        if (const auto actor = request_->header("tidemark-actor"); actor && command.actor().empty()) {
            command.set_actor(std::string(*actor));
        }
    }

    // Submits what waits; what the processor's full queue does not take is tried again soon, and nothing is read
    // meanwhile.
    void submit() {
        const std::size_t taken = context_.services.commands.submit(refused_);
        refused_.erase(refused_.begin(), refused_.begin() + static_cast<std::ptrdiff_t>(taken));
        const auto now = std::chrono::steady_clock::now();
        if (taken > 0) {
            refused_since_ = now;
            retry_ = first_retry;
        }
        if (refused_.empty() || dead_) {
            return;
        }
        if (exchange_->stopping() || now - refused_since_ > context_.options.deadline) {
            give_up();
        } else if (!std::exchange(retrying_, true)) {
            exchange_->after(std::exchange(retry_, std::min(2 * retry_, last_retry)), [self = shared_from_this()] {
                self->retrying_ = false;
                self->go_on_soon();
            });
        }
    }

    void give_up() {
        for (consumers::Submission& submission : std::exchange(refused_, {})) {
            v1::Outcome outcome;
            outcome.set_command_id(submission.command.command_id());
            outcome.set_status(v1::UNAVAILABLE);
            outcome.set_retry_after_s(1);
            outcome.set_detail("there was no room in the queue of commands for too long");
            submission.answer(std::move(outcome));
        }
    }

    // From the processor's thread.
    void answered(std::uint64_t place, v1::Outcome outcome) {
        bool wake = false;
        {
            const std::lock_guard lock(mutex_);
            Slot& slot = slots_[place - first_];
            cut_short_ = cut_short_ || outcome.status() == v1::UNAVAILABLE;
            slot.outcome = std::move(outcome);
            slot.ready = true;
            wake = place == first_ && !std::exchange(woken_, true);
        }
        if (wake) {
            exchange_->post([self = shared_from_this()] { self->go_on_soon(); });
        }
    }

    [[nodiscard]] bool cut_short() {
        const std::lock_guard lock(mutex_);
        return cut_short_;
    }
    [[nodiscard]] std::size_t under_way() {
        const std::lock_guard lock(mutex_);
        return slots_.size();
    }

    // Moves the outcomes that are next in order to the outbox, as long as it has room, and sends it.
    void flush() {
        std::map<v1::OutcomeStatus, std::size_t> counts;
        for (std::vector<v1::Outcome> some = next_outcomes(); !some.empty(); some = next_outcomes()) {
            for (const v1::Outcome& outcome : some) {
                append_outcome(format_, outcome, outbox_);
                ++counts[outcome.status()];
            }
        }
        for (const auto& [status, count] : counts) {
            context_.metrics.bulk_commands(v1::OutcomeStatus_Name(status), count);
        }
        if (!writing_ && !outbox_.empty() && !dead_) {
            writing_ = true;
            exchange_->write(std::exchange(outbox_, {}),
                             [self = shared_from_this()](bool sent) { self->written(sent); });
        }
    }

    // None when the outbox is full: it is being sent, and then there is another look.
    std::vector<v1::Outcome> next_outcomes() {
        std::vector<v1::Outcome> outcomes;
        const std::lock_guard lock(mutex_);
        woken_ = false;
        while (outbox_.size() < outbox_bytes && outcomes.size() < flush_at_once && !slots_.empty() &&
               slots_.front().ready) {
            outcomes.push_back(std::move(slots_.front().outcome));
            slots_.pop_front();
            ++first_;
        }
        return outcomes;
    }

    void written(bool sent) {
        writing_ = false;
        dead_ = dead_ || !sent;
        go_on_soon();
    }

    const Context& context_;
    Places::Place place_;
    RequestPtr request_;
    std::shared_ptr<Exchange> exchange_;
    BulkFormat format_;
    BulkReader reader_;
    const std::uint64_t term_;                    // of the processor when the stream began
    std::vector<consumers::Submission> refused_;  // to be submitted, in order
    std::chrono::steady_clock::time_point refused_since_;
    std::chrono::milliseconds retry_ = first_retry;
    std::string outbox_;
    bool reading_ = false;
    bool writing_ = false;
    bool retrying_ = false;
    bool going_on_ = false;  // go_on is on its way
    bool dry_ = true;        // the reader has no whole command
    bool ended_ = false;     // nothing more comes in
    bool dead_ = false;      // nothing more goes out

    std::mutex mutex_;
    std::deque<Slot> slots_;   // commands under way, in order
    std::uint64_t first_ = 0;  // number of slots_.front() in the stream
    bool woken_ = false;       // a flush is on its way
    bool cut_short_ = false;   // a command was answered UNAVAILABLE
};

}  // namespace

void add_bulk_routes(Routes& routes, const Context& context) {
    Route route;
    route.method = "POST";
    route.pattern = "/v1/commands";
    route.group = "commands";
    route.summary = "Commands in bulk: an outcome per command, in the same order, while the stream is read";
    route.params = {{"Tidemark-Tenant", In::header, Kind::id, "of commands that name none"},
                    {"Tidemark-Actor", In::header, Kind::text, "of commands that name none"}};
    route.request = v1::Command::descriptor();
    route.response = v1::Outcome::descriptor();
    route.request_types = {std::string(ndjson_type), std::string(delimited_type)};
    route.response_types = route.request_types;
    route.problems = {415};
    route.streams = true;
    route.handler = [&context](RequestPtr request, Responder responder) {
        auto place = context.bulk_streams.take();
        if (!place) {
            responder.respond(problem(503, "TooManyStreams", "too many streams of commands are open; try again"));
            return;
        }
        const bool ndjson = media_type(request->header("content-type").value_or("")) == ndjson_type;
        std::make_shared<BulkStream>(context, std::move(place), request, responder.stream(),
                                     ndjson ? BulkFormat::ndjson : BulkFormat::delimited)
            ->start();
    };
    routes.add(std::move(route));
}

}  // namespace tidemark::api
