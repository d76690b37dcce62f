#include "api/cli/commands.hpp"
#include "api/cli/progress.hpp"
#include "api/import/importer.hpp"

#include <cstdlib>
#include <fmt/core.h>
#include <iostream>

namespace tidemark::api {

namespace {

class ImportSource final : public CommandSource {
public:
    ImportSource(Importer& importer, std::string tenant) : importer_(importer), tenant_(std::move(tenant)) {}
    std::variant<ToSend, PacedUntil, NoMore, Failed> next() override {
        auto next = importer_.next();
        if (!next) return Failed{next.error()};
        if (!*next) return NoMore{};
        if (!tenant_.empty()) (*next)->command.set_tenant(tenant_);
        return ToSend{std::move((*next)->command), (*next)->tag};
    }
    void answered(std::uint64_t tag, const v1::Outcome& outcome) override {
        importer_.answered(tag, outcome);
        bar_.show(importer_.bytes_read(), importer_.bytes_total(), ++answered_);
    }

private:
    Importer& importer_;
    std::string tenant_;
    ProgressBar bar_{"importing", "commands"};
    std::uint64_t answered_ = 0;
};

// Makes every command and sends none: rows with faults are found, what the server would reject is not.
std::expected<void, std::string> check_rows(Importer& importer) {
    ProgressBar bar("checking", "commands");
    for (std::uint64_t made = 0;; ++made) {
        auto next = importer.next();
        if (!next) return std::unexpected(next.error());
        if (!*next) return {};
        bar.show(importer.bytes_read(), importer.bytes_total(), made);
    }
}

std::filesystem::path default_key_file() {
    const char* home = std::getenv("HOME");  // NOLINT(concurrency-mt-unsafe): nobody sets it
    return std::filesystem::path(home == nullptr ? "." : home) / ".tidemark" / "import.key";
}

}  // namespace

ExitCode complain(const std::string& why, ExitCode code) {
    fmt::print(stderr, "tidemark: {}\n", why);
    return code;
}

ExitCode run_import(const ImportArguments& arguments, const Surroundings& around) {
    auto mapping = Mapping::load(arguments.mapping);
    if (!mapping) return complain(mapping.error(), ExitCode::usage);
    // Ids that are not sent need no key that lasts.
    auto key = arguments.dry_run
                   ? std::expected<std::string, std::string>("of a dry run")
                   : around.read_or_make_key(arguments.key.empty() ? default_key_file()
                                                                   : std::filesystem::absolute(arguments.key));
    if (!key) return complain(key.error());
    auto importer = Importer::open(std::move(*mapping), arguments.files,
                                   {.rejects_directory = arguments.rejects, .key = std::move(*key)});
    if (!importer) return complain(importer.error(), ExitCode::usage);

    std::expected<void, std::string> done;
    if (arguments.dry_run) {
        done = check_rows(**importer);
    } else {
        const auto address = around.reach(arguments.where);
        if (!address) return complain(address.error());
        ImportSource source(**importer, arguments.where.tenant);
        done = Client(*address).send(source);
    }
    (*importer)->finish();
    const ImportReport& report = (*importer)->report();
    arguments.json ? report.print_json(std::cout) : report.print(std::cout, !arguments.dry_run);
    if (!done) return complain(done.error());
    if (!(*importer)->failure().empty()) return complain((*importer)->failure());
    return report.rejected_rows() == 0 ? ExitCode::ok : ExitCode::rejected;
}

}  // namespace tidemark::api
