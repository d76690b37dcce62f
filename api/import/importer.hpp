// Turns CSV files into commands, row by row, as a mapping says; takes the outcomes back, and writes the
// rows that were rejected, here or by the server, to files that can be mended and imported again.
//
// A command's id is made of source, file, key and content of its row, and of the command's name (with its number, where
// the mapping has several of that name for the file), so that importing again changes nothing and a mended row
// is a new command. One thread.
#pragma once

#include "api/import/csv.hpp"
#include "api/import/mapping.hpp"
#include "api/import/report.hpp"
#include "events/digest.hpp"

#include <deque>
#include <fstream>

namespace tidemark::api {

struct ImportOptions {
    std::filesystem::path rejects_directory = ".";
    std::string key;  // of the digests behind command ids; another key makes other ids
};

// A command to be sent; `tag` comes back with its outcome.
struct TaggedCommand {
    v1::Command command;
    std::uint64_t tag = 0;
};

class Importer {
public:
    // `files` are told apart by their names: sales.csv, sales.csv.gz and sales.rejects.csv are all the
    // mapping's sales.csv. An error says what is missing or does not fit.
    [[nodiscard]] static std::expected<std::unique_ptr<Importer>, std::string> open(
        Mapping mapping, const std::vector<std::filesystem::path>& files, ImportOptions options);

    // The next command; nothing when all were handed out.
    [[nodiscard]] std::expected<std::optional<TaggedCommand>, std::string> next();
    void answered(std::uint64_t tag, const v1::Outcome& outcome);
    // After the last answer, before the report is read.
    void finish();

    // Bytes of all files, for a progress bar.
    [[nodiscard]] std::uint64_t bytes_read() const;
    [[nodiscard]] std::uint64_t bytes_total() const { return bytes_total_; }
    [[nodiscard]] const ImportReport& report() const { return report_; }
    // Why rejected rows could not be written; empty: they could.
    [[nodiscard]] const std::string& failure() const { return failure_; }
    ~Importer();

private:
    struct OpenFile;
    struct Row;
    struct UnderWay {
        std::shared_ptr<Row> row;  // none: a command of `start`
        const CommandPlan* plan = nullptr;
    };
    Importer(Mapping mapping, ImportOptions options);
    std::expected<void, std::string> find_files(const std::vector<std::filesystem::path>& given);
    std::expected<void, std::string> load_lookups(const std::vector<std::filesystem::path>& given);
    std::expected<void, std::string> open_file();
    std::expected<void, std::string> make_start();
    void make_commands(const std::shared_ptr<Row>& row);
    std::expected<void, Fault> plan_row(const std::shared_ptr<Row>& row, std::vector<TaggedCommand>& made);
    void reject(Row& row, const Fault& fault);
    std::expected<void, std::string> write_reject(OpenFile& file, const CsvRecord& record, std::string why);
    [[nodiscard]] std::string command_id(std::string_view content) const;

    Mapping mapping_;
    ImportOptions options_;
    events::KeyedDigest digests_;
    ImportReport report_;
    std::deque<std::pair<FilePlan*, std::filesystem::path>> to_read_;
    std::vector<std::unique_ptr<OpenFile>> files_;  // the last is being read; rows point into them
    std::set<std::string> sent_once_;
    std::deque<TaggedCommand> ready_;
    std::unordered_map<std::uint64_t, UnderWay> under_way_;
    std::uint64_t next_tag_ = 0;
    std::uint64_t bytes_total_ = 0;
    std::uint64_t bytes_before_ = 0;
    std::string failure_;  // to write rejected rows; ends the import
};

}  // namespace tidemark::api
