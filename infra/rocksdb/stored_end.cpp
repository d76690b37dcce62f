#include "infra/rocksdb/stored_end.hpp"

#include "events/wire.hpp"

#include <bit>
#include <vector>

namespace tidemark::infra {

namespace wire = events::wire;

std::string encode_end(const consumers::Log::End& end) {
    std::string out;
    wire::put(out, end.tip.next_number);
    wire::put(out, end.tip.next_sequence);
    wire::put(out, end.tip.owner_epoch);
    wire::put(out, end.tip.owner.bytes);
    wire::put(out, end.tip.digest);
    wire::put(out, static_cast<std::uint32_t>(end.edge.peaks().size()));
    for (const events::Digest& peak : end.edge.peaks()) {
        wire::put(out, peak);
    }
    return out;
}

std::optional<consumers::Log::End> decode_end(std::string_view bytes) {
    wire::Reader in(bytes);
    consumers::Log::End end;
    end.tip.next_number = in.get<std::uint64_t>();
    end.tip.next_sequence = in.get<std::uint64_t>();
    end.tip.owner_epoch = in.get<std::uint64_t>();
    in.get(end.tip.owner.bytes);
    in.get(end.tip.digest);
    const std::size_t count = in.get<std::uint32_t>();
    if (!in.ok() || in.left() != count * sizeof(events::Digest) ||
        count != static_cast<std::size_t>(std::popcount(end.tip.next_sequence))) {
        return std::nullopt;
    }
    std::vector<events::Digest> peaks(count);
    for (events::Digest& peak : peaks) {
        in.get(peak);
    }
    end.edge = events::MerkleEdge::from(end.tip.next_sequence, std::move(peaks));
    return end;
}

}  // namespace tidemark::infra
