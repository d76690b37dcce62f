#include "infra/logging/logging.hpp"

#include "events/time.hpp"

#include <spdlog/formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <chrono>

namespace tidemark::infra {

namespace {

constexpr char field_mark = consumers::log_field_mark;
constexpr char value_mark = consumers::log_value_mark;

// As in a JSON string. Text lines get the same, so that nothing that came from outside can begin a line of its own.
void append_escaped(std::string_view text, bool quotes, std::string& out) {
    constexpr std::string_view hex = "0123456789abcdef";
    for (const char letter : text) {
        const auto byte = static_cast<unsigned char>(letter);
        if (letter == '\n') {
            out += "\\n";
        } else if (byte < 0x20 || byte == 0x7f) {
            out += "\\u00";
            out += hex[byte >> 4];
            out += hex[byte & 15];
        } else if (quotes && (letter == '"' || letter == '\\')) {
            out += '\\';
            out += letter;
        } else {
            out += letter;
        }
    }
}

struct Line {
    std::string_view message;
    std::vector<std::pair<std::string_view, std::string_view>> fields;
};

Line split(std::string_view payload) {
    Line line;
    std::size_t end = std::min(payload.find(field_mark), payload.size());
    line.message = payload.substr(0, end);
    while (end < payload.size()) {
        payload.remove_prefix(end + 1);
        end = std::min(payload.find(field_mark), payload.size());
        const std::string_view field = payload.substr(0, end);
        const std::size_t middle = std::min(field.find(value_mark), field.size());
        line.fields.emplace_back(field.substr(0, middle), field.substr(std::min(middle + 1, field.size())));
    }
    return line;
}

std::string_view name_of(spdlog::level::level_enum level) {
    const auto name = spdlog::level::to_string_view(level);
    return {name.data(), name.size()};
}

std::string moment(const spdlog::details::log_msg& message) {
    return events::format_time(
        std::chrono::duration_cast<std::chrono::microseconds>(message.time.time_since_epoch()).count());
}

class LineFormatter final : public spdlog::formatter {
public:
    explicit LineFormatter(LogFormat format) : format_(format) {}

    void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& into) override {
        const Line line = split({message.payload.data(), message.payload.size()});
        std::string out;
        if (format_ == LogFormat::json) {
            as_json(message, line, out);
        } else {
            as_text(message, line, out);
        }
        out += '\n';
        into.append(out.data(), out.data() + out.size());
    }

    [[nodiscard]] std::unique_ptr<spdlog::formatter> clone() const override {
        return std::make_unique<LineFormatter>(format_);
    }

private:
    static void as_text(const spdlog::details::log_msg& message, const Line& line, std::string& out) {
        out = moment(message) + " " + std::string(name_of(message.level)) + " ";
        append_escaped(line.message, false, out);
        for (const auto& [name, value] : line.fields) {
            out += " " + std::string(name) + "=";
            const bool quoted = value.empty() || value.find_first_of(" \"=") != std::string_view::npos;
            out += quoted ? "\"" : "";
            append_escaped(value, quoted, out);
            out += quoted ? "\"" : "";
        }
    }

    static void as_json(const spdlog::details::log_msg& message, const Line& line, std::string& out) {
        out = R"({"time":")" + moment(message) + R"(","level":")" + std::string(name_of(message.level)) +
              R"(","message":")";
        append_escaped(line.message, true, out);
        out += '"';
        for (const auto& [name, value] : line.fields) {
            out += ",\"";
            append_escaped(name, true, out);
            out += "\":\"";
            append_escaped(value, true, out);
            out += '"';
        }
        out += '}';
    }

    LogFormat format_;
};

}  // namespace

void set_up_logging(std::string_view level, LogFormat format) {
    auto logger = std::make_shared<spdlog::logger>("tidemark", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    logger->set_formatter(log_formatter(format));
    logger->set_level(spdlog::level::from_str(std::string(level)));
    logger->flush_on(spdlog::level::warn);
    spdlog::set_default_logger(std::move(logger));
}

std::unique_ptr<spdlog::formatter> log_formatter(LogFormat format) {
    return std::make_unique<LineFormatter>(format);
}

}  // namespace tidemark::infra
