// What an import did, told per file: rows, what was mended, skipped, noted, rejected and why.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <map>
#include <string>
#include <vector>

namespace tidemark::api {

struct RejectedRow {
    std::uint64_t line = 0;
    std::string column;  // empty: none in particular
    std::string why;
};

struct FileReport {
    std::string file;
    std::uint64_t rows = 0;
    std::map<std::string, std::uint64_t> skipped;  // reason -> rows
    std::map<std::string, std::uint64_t> noted;    // remark -> rows
    std::map<std::string, std::uint64_t> mended;   // "product_names: 'GTXPro' -> 'GTX Pro'" -> rows
    std::uint64_t rejected_rows = 0;
    std::vector<RejectedRow> rejected;  // the first 1,000; all are in the rejects file
    std::string rejects_path;
};

struct ImportReport {
    std::vector<FileReport> files;
    std::uint64_t commands = 0;
    std::uint64_t accepted = 0;
    std::uint64_t unchanged = 0;
    std::uint64_t rejected = 0;
    std::uint64_t repeated = 0;      // counted in those three too: they had been answered before, and so again
    std::uint64_t accepted_now = 0;  // without repeated ones
    std::uint64_t unchanged_now = 0;

    [[nodiscard]] std::uint64_t rejected_rows() const;
    void print(std::ostream& out, bool sent = true) const;  // not sent: a dry run
    void print_json(std::ostream& out) const;
};

}  // namespace tidemark::api
