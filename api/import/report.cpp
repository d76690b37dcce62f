#include "api/import/report.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <iterator>
#include <ostream>

namespace tidemark::api {

namespace {

// More rows than that are not read on a screen: they are in the rejects file.
constexpr std::size_t rows_shown = 20;

void print_counts(std::ostream& out, const char* title, const std::map<std::string, std::uint64_t>& counts) {
    for (const auto& [what, rows] : counts) out << "  " << title << ' ' << rows << " rows: " << what << '\n';
}

boost::json::object json_counts(const std::map<std::string, std::uint64_t>& counts) {
    boost::json::object object;
    for (const auto& [what, rows] : counts) object[what] = rows;
    return object;
}

}  // namespace

std::uint64_t ImportReport::rejected_rows() const {
    std::uint64_t rows = 0;
    for (const FileReport& file : files) rows += file.rejected_rows;
    return rows;
}

void ImportReport::print(std::ostream& out, bool sent) const {
    for (const FileReport& file : files) {
        out << file.file << ": " << file.rows << " rows\n";
        print_counts(out, "mended  ", file.mended);
        print_counts(out, "noted   ", file.noted);
        print_counts(out, "skipped ", file.skipped);
        if (file.rejected_rows == 0) continue;
        out << "  rejected " << file.rejected_rows << " rows; mend them in " << file.rejects_path
            << " and import that\n";
        for (const RejectedRow& row : file.rejected) {
            if (&row - file.rejected.data() == rows_shown) {
                out << "    ... and " << file.rejected_rows - rows_shown << " more\n";
                break;
            }
            out << "    line " << row.line << (row.column.empty() ? "" : ", " + row.column) << ": " << row.why << '\n';
        }
    }
    if (!sent) {
        out << commands << " commands checked, none was sent\n";
        return;
    }
    out << commands << " commands: " << accepted_now << " accepted, " << unchanged_now << " changed nothing, "
        << rejected << " rejected";
    if (repeated > 0) out << "; " << repeated << " had been sent before, and nothing was done again";
    out << '\n';
}

void ImportReport::print_json(std::ostream& out) const {
    boost::json::array list;
    for (const FileReport& file : files) {
        boost::json::array rejected_list;
        for (const RejectedRow& row : file.rejected) {
            rejected_list.push_back({{"line", row.line}, {"column", row.column}, {"why", row.why}});
        }
        list.push_back({{"file", file.file},
                        {"rows", file.rows},
                        {"mended", json_counts(file.mended)},
                        {"noted", json_counts(file.noted)},
                        {"skipped", json_counts(file.skipped)},
                        {"rejected_rows", file.rejected_rows},
                        {"rejects", file.rejects_path},
                        {"rejected", std::move(rejected_list)}});
    }
    const boost::json::object all{{"files", std::move(list)}, {"commands", commands}, {"accepted", accepted},
                                  {"unchanged", unchanged},   {"repeated", repeated}, {"rejected", rejected}};
    out << boost::json::serialize(all) << '\n';
}

}  // namespace tidemark::api
