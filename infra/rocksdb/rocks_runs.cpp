// Rows that come in large sorted runs: they become finished files, which the database takes over at once.
#include "infra/rocksdb/rocks_kv_impl.hpp"

#include <algorithm>
#include <map>
#include <system_error>

namespace tidemark::infra {

using consumers::KvBatch;
using consumers::KvError;
using consumers::KvRun;
using consumers::Table;
namespace fs = std::filesystem;

// The name of a file that holds what `fill` gives to its writer.
std::expected<std::string, KvError> RocksKv::Impl::write_file(
    const Family& into, const std::function<rocksdb::Status(rocksdb::SstFileWriter&)>& fill) {
    std::string file = (directory / "ingest" / (std::to_string(files++) + ".sst")).string();
    rocksdb::Options writing(rocksdb::DBOptions(), table_options);
    // The writer would take its file for one of the last level; compaction writes it again before it gets there.
    writing.bottommost_compression = rocksdb::kDisableCompressionOption;
    writing.env = db->GetEnv();
    rocksdb::SstFileWriter writer(rocksdb::EnvOptions(), writing, into.handle);
    auto status = writer.Open(file);
    if (status.ok()) {
        status = fill(writer);
    }
    if (status.ok()) {
        status = writer.Finish();
    }
    if (!status.ok()) {
        static_cast<void>(db->GetEnv()->DeleteFile(file));
        return std::unexpected(error("write a run for", status));
    }
    return file;
}

RocksKv::Impl::Files::~Files() {
    for (const auto& argument : arguments) {
        for (const std::string& path : argument.external_files) static_cast<void>(env.DeleteFile(path));
    }
}

void RocksKv::Impl::Files::add(const FamilyPtr& into, std::string file) {
    rocksdb::IngestExternalFileArg argument;
    argument.column_family = into->handle;
    argument.external_files = {std::move(file)};
    argument.options.move_files = true;
    arguments.push_back(std::move(argument));
    used.push_back(into);
}

std::expected<void, KvError> RocksKv::Impl::take_over(const Files& made) const {
    if (made.arguments.empty()) {
        return {};
    }
    if (const auto status = db->IngestExternalFiles(made.arguments); !status.ok()) {
        return std::unexpected(write_error("ingest a run into", status));
    }
    return {};
}

std::expected<void, KvError> RocksKv::write_bulk(KvBatch batch) {
    if (batch.bytes() < impl_->options.bulk_bytes) {
        return write(std::move(batch), consumers::Durability::synced);
    }
    std::map<Table, std::vector<std::uint32_t>> by_table;
    for (std::uint32_t i = 0; i < batch.size(); ++i) {
        by_table[batch[i].table].push_back(i);
    }
    std::error_code failed;
    if (auto ready = impl_->ready(); !ready) return ready;
    fs::create_directories(impl_->directory / "ingest", failed);
    Impl::Files files(*impl_->db->GetEnv());
    for (auto& [table, order] : by_table) {
        const auto into = impl_->family(table);
        if (!into) {
            return std::unexpected(into.error());
        }
        const auto key = [&](std::uint32_t i) { return batch[i].key; };
        if (!std::ranges::is_sorted(order, {}, key)) {
            std::ranges::sort(order, {}, key);
        }
        auto file = impl_->write_file(**into, [&](rocksdb::SstFileWriter& writer) {
            rocksdb::Status status;
            for (auto at = order.begin(); at != order.end() && status.ok(); ++at) {
                const auto op = batch[*at];
                status = op.value ? writer.Put(slice(op.key), slice(*op.value)) : writer.Delete(slice(op.key));
            }
            return status;
        });
        if (!file) {
            return std::unexpected(file.error());
        }
        files.add(*into, std::move(*file));
    }
    // What went through the journal before is not to be lost where this is not.
    if (const auto status = impl_->db->FlushWAL(true); !status.ok()) {
        return std::unexpected(impl_->write_error("write to", status));
    }
    return impl_->take_over(files);
}

std::expected<void, KvError> RocksKv::ingest(std::vector<KvRun> runs, KvBatch then) {
    rocksdb::WriteBatch ops;
    Impl::Files files(*impl_->db->GetEnv());
    std::error_code failed;
    if (auto ready = impl_->ready(); !ready) return ready;
    fs::create_directories(impl_->directory / "ingest", failed);
    for (const KvRun& run : runs) {
        const auto into = impl_->family(run.table());
        if (!into) {
            return std::unexpected(into.error());
        }
        if (!run.ascending()) {
            return std::unexpected(
                KvError{"a run for table " + impl_->names[run.table()] + " is not in ascending order"});
        }
        if (run.empty()) {
            continue;
        }
        if (run.size() < impl_->options.ingest_rows) {
            for (std::size_t i = 0; i < run.size(); ++i) {
                const auto [key, value] = run[i];
                if (const auto status = ops.Put((*into)->handle, slice(key), slice(value)); !status.ok()) {
                    return std::unexpected(impl_->error("write to", status));
                }
            }
            continue;
        }
        auto file = impl_->write_file(**into, [&](rocksdb::SstFileWriter& writer) {
            rocksdb::Status status;
            for (std::size_t i = 0; i < run.size() && status.ok(); ++i) {
                const auto [key, value] = run[i];
                status = writer.Put(slice(key), slice(value));
            }
            return status;
        });
        if (!file) {
            return std::unexpected(file.error());
        }
        files.add(*into, std::move(*file));
    }
    if (auto taken = impl_->take_over(files); !taken) {
        return taken;
    }
    if (auto added = impl_->add(then, ops); !added) {
        return added;
    }
    return impl_->put(ops, false);
}

}  // namespace tidemark::infra
