#include "api/main/view_settings.hpp"

#include "events/digest.hpp"

#include <spdlog/spdlog.h>

#include <fstream>
#include <sstream>

namespace tidemark::api {

namespace {

// One line a tenant that has other settings than all the others, in the order of their names.
std::string text_of(const infra::Config& config, std::string_view catalogue) {
    std::string text;
    for (const auto& [name, tenant] : config.tenants) {
        if (tenant == infra::TenantConfig{}) continue;
        text += "tenant " + name + ": " + tenant.time_zone + ", weeks from day " +
                std::to_string(static_cast<int>(tenant.first_day_of_week)) + "\n";
    }
    if (!catalogue.empty()) text += "catalogue of KPIs: " + events::hex(events::sha256(catalogue)) + "\n";
    return text.empty() ? "none\n" : text;
}

std::string in_one_line(std::string text) {
    for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos;) {
        text.replace(at, 1, at + 1 == text.size() ? "" : "; ");
    }
    return text;
}

std::expected<void, std::string> write(const std::filesystem::path& file, const std::string& text) {
    const std::filesystem::path fresh = file.string() + ".new";
    std::ofstream out(fresh, std::ios::binary | std::ios::trunc);
    out << text << std::flush;
    std::error_code failed;
    if (out) std::filesystem::rename(fresh, file, failed);
    if (!out || failed) return std::unexpected(file.string() + ": cannot be written");
    return {};
}

}  // namespace

std::expected<void, std::string> keep_view_settings(const std::filesystem::path& views, const infra::Config& config,
                                                    std::string_view catalogue, Settings how) {
    const std::filesystem::path file = views / "settings";
    const std::string here = text_of(config, catalogue);
    std::ifstream in(file, std::ios::binary);
    std::ostringstream kept;
    if (!in || !(kept << in.rdbuf())) return write(file, here);
    if (kept.str() == here) return {};
    if (how == Settings::confirm) {
        return std::unexpected("the views in " + views.string() + " were made with other settings (" +
                               in_one_line(kept.str()) + ") than these (" + in_one_line(here) +
                               "): name the server's configuration by --config FILE or TIDEMARK_CONFIG");
    }
    spdlog::warn("views: made with other settings ({}) than now ({}): what hangs on them is made again",
                 in_one_line(kept.str()), in_one_line(here));
    return write(file, here);
}

}  // namespace tidemark::api
