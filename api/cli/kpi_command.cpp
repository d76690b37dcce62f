#include "api/cli/commands.hpp"
#include "api/cli/progress.hpp"
#include "events/time.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fmt/core.h>
#include <map>
#include <thread>

namespace tidemark::api {

namespace {

namespace json = boost::json;

// Columns on a terminal, so that names in Chinese line up: wide characters take two.
std::size_t columns_of(std::string_view text) {
    std::size_t columns = 0;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x80 || (byte >= 0xC0 && byte < 0xE0)) ++columns;
        if (byte >= 0xE0) columns += byte >= 0xE3 ? 2 : 1;
    }
    return columns;
}
std::string padded(const std::string& text, std::size_t width, bool right = false) {
    const std::string blanks(width - std::min(width, columns_of(text)), ' ');
    return right ? blanks + text : text + blanks;
}

std::string escaped(std::string_view text) {
    std::string query;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
                           c == '.' || c == '_';
        query += plain ? std::string(1, c) : fmt::format("%{:02X}", byte);
    }
    return query;
}

// One number of a series, and how people write it.
struct Point {
    std::string bucket;
    std::string dims;
    std::string currency;
    std::optional<double> value;
    std::string text = "-";
};

std::string text_at(const json::object& object, std::string_view key) {
    const auto* found = object.if_contains(json::string_view(key.data(), key.size()));
    return found != nullptr && found->is_string() ? std::string(found->as_string().c_str(), found->as_string().size())
                                                  : std::string();
}

std::string with_separators(std::string digits) {
    const auto end = static_cast<std::ptrdiff_t>(std::min(digits.find('.'), digits.size()));
    for (std::ptrdiff_t at = end - 3; at > (digits.starts_with('-') ? 1 : 0); at -= 3)
        digits.insert(static_cast<std::size_t>(at), ",");
    return digits;
}

Point read_point(const json::object& point, const std::string& unit) {
    Point read{.bucket = text_at(point, "bucket"), .currency = text_at(point, "currency")};
    if (const auto* dims = point.if_contains("dims"); dims != nullptr && dims->is_array()) {
        for (const auto& dim : dims->as_array()) {
            if (dim.is_object()) read.dims += (read.dims.empty() ? "" : " / ") + text_at(dim.as_object(), "value");
        }
    }
    if (const auto* money = point.if_contains("money"); money != nullptr && money->is_object()) {
        const std::string amount = text_at(money->as_object(), "amount");
        read.value = std::strtod(amount.c_str(), nullptr);  // only to draw: the text is what is shown
        read.text = with_separators(amount) + " " + text_at(money->as_object(), "currency") +
                    (unit == "MONEY_PER_DAY" ? " per day" : "");
    } else if (const auto* value = point.if_contains("value"); value != nullptr && value->is_number()) {
        read.value = value->to_number<double>();
        if (unit == "RATIO") {
            read.text = fmt::format("{:.2f} %", *read.value * 100);
        } else if (unit == "DAYS") {
            read.text = fmt::format("{:.2f} days", *read.value);
        } else if (unit == "MINUTES") {
            read.text = fmt::format("{:.2f} minutes", *read.value);
        } else {
            const bool whole = *read.value == std::floor(*read.value);
            read.text =
                with_separators(whole ? fmt::format("{:.0f}", *read.value) : fmt::format("{:.2f}", *read.value));
        }
    }
    return read;
}

// What the point is of: its currency too, unless its amount says it.
std::string with_currency(const Point& point) {
    if (point.currency.empty() || point.text.find(point.currency) != std::string::npos) return point.dims;
    return point.dims + (point.dims.empty() ? "" : " / ") + point.currency;
}

std::string sparkline(const std::vector<Point>& points, std::size_t most) {
    constexpr const char* blocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    const std::size_t from = points.size() > most ? points.size() - most : 0;
    double low = 0;
    double high = 0;
    for (std::size_t i = from; i < points.size(); ++i) {
        low = std::min(low, points[i].value.value_or(0));
        high = std::max(high, points[i].value.value_or(0));
    }
    std::string line;
    for (std::size_t i = from; i < points.size(); ++i) {
        const double share = high > low ? (points[i].value.value_or(0) - low) / (high - low) : 0;
        line += points[i].value ? blocks[std::lround(share * 7.0)] : " ";
    }
    return line;
}

class KpiTables {
public:
    KpiTables(const KpiArguments& arguments, const ServerAddress& address) : arguments_(arguments), client_(address) {}

    // What was sent just now is to be seen: waits for the view, within reason. A server that is fed all the time is
    // always a little behind.
    void wait_for_view() {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(15);
        for (;;) {
            const auto behind = events_behind();
            if (behind == 0) return;
            if (std::chrono::steady_clock::now() >= deadline) {
                fmt::print(stderr, "the figures are {} events behind\n", grouped(behind));
                return;
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
        }
    }

    ExitCode show_one() {
        const auto series = get("/v1/kpis/" + escaped(arguments_.name) + query());
        if (!series) return complain(series.error());
        if (arguments_.json) {
            fmt::print("{}\n", json::serialize(*series));
            return ExitCode::ok;
        }
        const auto points = points_of(*series);
        if (const auto* kpi = series->as_object().if_contains("kpi"); kpi != nullptr && kpi->is_object()) {
            fmt::print("{}: {}\n  = {}\n\n", text_at(kpi->as_object(), "name"),
                       text_at(kpi->as_object(), "description"), text_at(kpi->as_object(), "formula"));
        }
        print_points(points);
        return ExitCode::ok;
    }

    // Every KPI: its latest bucket, and a line of those before.
    ExitCode show_all() {
        const auto list = get("/v1/kpis");
        if (!list) return complain(list.error());
        const auto* kpis = list->is_object() ? list->as_object().if_contains("kpis") : nullptr;
        if (kpis == nullptr || !kpis->is_array()) return complain("the server lists no KPIs");
        json::array all;
        if (!arguments_.json)
            fmt::print("{} {} {}  {}\n", padded("KPI", 30), padded("", 16), padded("latest", 22, true),
                       "buckets before it");
        for (const auto& one : kpis->as_array()) {
            const auto series = get("/v1/kpis/" + escaped(text_at(one.as_object(), "name")) + query());
            if (!series) return complain(series.error());
            arguments_.json ? all.push_back(*series) : print_latest(*series);
        }
        if (arguments_.json) fmt::print("{}\n", json::serialize(all));
        return ExitCode::ok;
    }

private:
    // 0 also when the server does not say: the figures will, or fail.
    std::uint64_t events_behind() {
        const auto status = get("/v1/projections");
        const auto* list = status && status->is_object() ? status->as_object().if_contains("projections") : nullptr;
        if (list == nullptr || !list->is_array()) return 0;
        for (const auto& one : list->as_array()) {
            const auto* behind = one.as_object().if_contains("lag_events");
            if (text_at(one.as_object(), "name") == "kpi" && behind != nullptr && behind->is_number()) {
                return behind->to_number<std::uint64_t>();
            }
        }
        return 0;
    }

    static events::Micros now() {
        const auto since = std::chrono::system_clock::now().time_since_epoch();
        return std::chrono::duration_cast<std::chrono::microseconds>(since).count();
    }
    std::string query() const {
        std::string text = "?grain=" + escaped(arguments_.grain.empty() ? "month" : arguments_.grain);
        const auto add = [&](const std::string& name, const std::string& value) {
            if (!value.empty()) text += "&" + name + "=" + escaped(value);
        };
        const auto joined = [](const std::vector<std::string>& list) {
            std::string all;
            for (const std::string& one : list) all += (all.empty() ? "" : ",") + one;
            return all;
        };
        add("from", arguments_.from);
        // What is due or planned lies ahead, too; the latest bucket of the overview is the present one.
        const bool overview = arguments_.name.empty() && arguments_.to.empty();
        add("to", overview ? events::format_time(now()) : arguments_.to);
        add("by", joined(arguments_.by));
        add("filter", joined(arguments_.filter));
        return text;
    }

    std::expected<json::value, std::string> get(const std::string& target) {
        RequestHeaders headers;
        if (!arguments_.where.tenant.empty()) headers.emplace_back("Tidemark-Tenant", arguments_.where.tenant);
        const auto reply = client_.get(target, headers);
        if (!reply) return std::unexpected(reply.error());
        boost::system::error_code error;
        auto value = json::parse(reply->body, error);
        if (error) return std::unexpected("the answer to " + target + " is not JSON: " + error.message());
        if (reply->status != 200) {
            const std::string why = value.is_object() ? text_at(value.as_object(), "detail") : reply->body;
            return std::unexpected(target + ": " + std::to_string(reply->status) + ": " + why);
        }
        return value;
    }

    static std::vector<Point> points_of(const json::value& series) {
        std::vector<Point> read;
        std::string unit;
        const auto& object = series.as_object();
        if (const auto* kpi = object.if_contains("kpi"); kpi != nullptr && kpi->is_object())
            unit = text_at(kpi->as_object(), "unit");
        if (const auto* points = object.if_contains("points"); points != nullptr && points->is_array()) {
            for (const auto& point : points->as_array()) read.push_back(read_point(point.as_object(), unit));
        }
        return read;
    }

    static void print_points(const std::vector<Point>& points) {
        double high = 0;
        std::size_t dims = 0;
        for (const Point& point : points) {
            high = std::max(high, point.value.value_or(0));
            dims = std::max(dims, columns_of(with_currency(point)));
        }
        for (const Point& point : points) {
            std::string bar;
            const int eighths = high > 0 ? static_cast<int>(std::max(0.0, point.value.value_or(0)) / high * 30) : 0;
            for (int i = 0; i < eighths; ++i) bar += "█";
            fmt::print("{}  {}  {}  {}\n", padded(point.bucket, 22), padded(with_currency(point), dims),
                       padded(point.text, 22, true), bar);
        }
        if (points.empty()) fmt::print("nothing happened in that time\n");
    }

    static void print_latest(const json::value& series) {
        // A bucket with nothing to divide by belongs to the row of those around it.
        std::map<std::pair<std::string, std::string>, std::vector<Point>> by_dims;
        for (Point& point : points_of(series)) by_dims[{point.dims, point.currency}].push_back(point);
        const auto& object = series.as_object();
        const auto* kpi = object.if_contains("kpi");
        const std::string name = kpi != nullptr && kpi->is_object() ? text_at(kpi->as_object(), "name") : std::string();
        if (by_dims.empty()) fmt::print("{} {} {}\n", padded(name, 30), padded("", 16), padded("-", 22, true));
        for (const auto& [dims, points] : by_dims) {
            fmt::print("{} {} {}  {}\n", padded(name, 30), padded(with_currency(points.back()), 16),
                       padded(points.back().text, 22, true), sparkline(points, 24));
        }
    }

    const KpiArguments& arguments_;
    Client client_;
};

}  // namespace

ExitCode run_kpi(const KpiArguments& arguments, const Surroundings& around) {
    const auto address = around.reach(arguments.where);
    if (!address) return complain(address.error());
    KpiTables tables(arguments, *address);
    tables.wait_for_view();
    return arguments.name.empty() ? tables.show_all() : tables.show_one();
}

}  // namespace tidemark::api
