#include "events/merkle.hpp"

#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <openssl/evp.h>

#include <filesystem>
#include <fstream>
#include <functional>

using namespace tidemark::events;

namespace {

// RFC 6962 2.1 as it is written: the tree hash of leaves [first, last).
Digest tree_hash(std::span<const Digest> leaves) {
    if (leaves.empty()) return sha256("");
    if (leaves.size() == 1) return leaves[0];
    std::size_t k = 1;
    while (k * 2 < leaves.size()) k *= 2;
    return node_hash(tree_hash(leaves.first(k)), tree_hash(leaves.subspan(k)));
}

// RFC 6962 2.1.1: PATH(m, D[n]).
std::vector<Digest> inclusion(std::size_t m, std::span<const Digest> leaves) {
    if (leaves.size() == 1) return {};
    std::size_t k = 1;
    while (k * 2 < leaves.size()) k *= 2;
    auto path = m < k ? inclusion(m, leaves.first(k)) : inclusion(m - k, leaves.subspan(k));
    path.push_back(m < k ? tree_hash(leaves.subspan(k)) : tree_hash(leaves.first(k)));
    return path;
}

// RFC 6962 2.1.2: SUBPROOF(m, D[n], b).
std::vector<Digest> consistency(std::size_t m, std::span<const Digest> leaves, bool whole = true) {
    if (m == leaves.size()) return whole ? std::vector<Digest>{} : std::vector<Digest>{tree_hash(leaves)};
    std::size_t k = 1;
    while (k * 2 < leaves.size()) k *= 2;
    auto proof = m <= k ? consistency(m, leaves.first(k), whole) : consistency(m - k, leaves.subspan(k), false);
    proof.push_back(m <= k ? tree_hash(leaves.subspan(k)) : tree_hash(leaves.first(k)));
    return proof;
}

std::vector<Digest> some_leaves(std::size_t count) {
    std::vector<Digest> leaves;
    for (std::size_t i = 0; i < count; ++i) leaves.push_back(leaf_hash("record " + std::to_string(i)));
    return leaves;
}

std::string decoded(const boost::json::value& base64) {
    const auto& text = base64.as_string();
    std::string bytes(text.size(), '\0');
    const int size =
        EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                        reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
    REQUIRE(size >= 0);
    bytes.resize(static_cast<std::size_t>(size - (text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0)));
    return bytes;
}

// Some vectors have bytes of another length where a hash should be. That cannot be said here, so they get
// a hash of their own: what was equal stays equal, what was no hash of the tree stays none.
Digest digest_of(const boost::json::value& base64) {
    const std::string bytes = decoded(base64);
    if (bytes.size() != 32) return sha256(bytes);
    Digest digest;
    std::copy(bytes.begin(), bytes.end(), digest.begin());
    return digest;
}

std::vector<Digest> proof_of(const boost::json::value& list) {
    std::vector<Digest> proof;
    if (list.is_null()) return proof;
    for (const auto& element : list.as_array()) proof.push_back(digest_of(element));
    return proof;
}

// Runs every line of a file of vectors; returns how many there were.
int for_each_vector(const char* name, const std::function<bool(const boost::json::object&)>& verified) {
    const auto path = std::filesystem::path(TIDEMARK_SOURCE_DIR) / "../shared/vectors/rfc6962" / name;
    std::ifstream file(path);
    int cases = 0;
    for (std::string line; std::getline(file, line); ++cases) {
        const auto vector = boost::json::parse(line).as_object();
        INFO(vector.at("case").as_string().c_str());
        CHECK(verified(vector) != vector.at("wantErr").as_bool());
    }
    if (cases == 0) WARN("skipped: no test vectors at " << path);
    return cases;
}

}  // namespace

TEST_CASE("a growing edge has the root that RFC 6962 gives, at every size", "[merkle]") {
    const auto leaves = some_leaves(130);
    MerkleEdge edge;
    CHECK(edge.root() == sha256(""));
    for (std::size_t size = 1; size <= leaves.size(); ++size) {
        edge.append(leaves[size - 1]);
        CHECK(edge.size() == size);
        CHECK(edge.root() == tree_hash(std::span(leaves).first(size)));
    }
}

TEST_CASE("an edge grows on from its stored peaks, and refuses peaks of another size", "[merkle]") {
    const auto leaves = some_leaves(20);
    MerkleEdge edge;
    for (std::size_t i = 0; i < 13; ++i) edge.append(leaves[i]);
    MerkleEdge stored = MerkleEdge::from(13, edge.peaks());
    for (std::size_t i = 13; i < 20; ++i) stored.append(leaves[i]);
    CHECK(stored.root() == tree_hash(leaves));
    CHECK_THROWS(MerkleEdge::from(12, edge.peaks()));
}

TEST_CASE("every leaf's inclusion proof verifies, and for no other leaf, index or root", "[merkle]") {
    for (std::size_t size = 1; size <= 17; ++size) {
        const auto leaves = some_leaves(size);
        const Digest root = tree_hash(leaves);
        for (std::size_t m = 0; m < size; ++m) {
            const auto proof = inclusion(m, leaves);
            CHECK(verify_inclusion(m, size, leaves[m], proof, root));
            CHECK_FALSE(verify_inclusion(m, size, leaf_hash("forged"), proof, root));
            CHECK_FALSE(verify_inclusion(m, size, leaves[m], proof, sha256("forged")));
            if (size > 1) CHECK_FALSE(verify_inclusion((m + 1) % size, size, leaves[m], proof, root));
        }
    }
}

TEST_CASE("every two sizes' consistency proof verifies, and not for a rewritten past", "[merkle]") {
    const auto leaves = some_leaves(17);
    for (std::size_t size = 1; size <= leaves.size(); ++size) {
        const auto now = std::span(leaves).first(size);
        for (std::size_t m = 1; m <= size; ++m) {
            const auto proof = consistency(m, now);
            const Digest old_root = tree_hash(now.first(m));
            CHECK(verify_consistency(m, size, proof, old_root, tree_hash(now)));
            CHECK_FALSE(verify_consistency(m, size, proof, sha256("forged"), tree_hash(now)));
            CHECK_FALSE(verify_consistency(m, size, proof, old_root, sha256("forged")));
        }
    }
}

TEST_CASE("inclusion proofs agree with transparency-dev's vectors", "[merkle]") {
    const int cases = for_each_vector("inclusion.jsonl", [](const boost::json::object& vector) {
        // No bytes for a leaf hash equal no bytes for a root: here the type alone refuses them.
        if (decoded(vector.at("leafHash")).empty()) return false;
        return verify_inclusion(vector.at("leafIdx").to_number<std::uint64_t>(),
                                vector.at("treeSize").to_number<std::uint64_t>(), digest_of(vector.at("leafHash")),
                                proof_of(vector.at("proof")), digest_of(vector.at("root")));
    });
    CHECK((cases == 0 || cases == 98));
}

TEST_CASE("consistency proofs agree with transparency-dev's vectors", "[merkle]") {
    const int cases = for_each_vector("consistency.jsonl", [](const boost::json::object& vector) {
        return verify_consistency(vector.at("size1").to_number<std::uint64_t>(),
                                  vector.at("size2").to_number<std::uint64_t>(), proof_of(vector.at("proof")),
                                  digest_of(vector.at("root1")), digest_of(vector.at("root2")));
    });
    CHECK((cases == 0 || cases == 98));
}
