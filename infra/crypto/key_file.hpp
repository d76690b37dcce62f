// Keys of 32 random bytes in files of their own, mode 0600: keys/digest.key, keys/mark.key.
#pragma once

#include <expected>
#include <filesystem>
#include <string>

namespace tidemark::infra {

inline constexpr std::size_t key_bytes = 32;

// The error says what is wrong with the file and what to do: missing, of another length, open to others.
[[nodiscard]] std::expected<std::string, std::string> read_key(const std::filesystem::path& file);

// Makes the key, and the directory it lies in, unless it is there. Synced before it is given away.
[[nodiscard]] std::expected<std::string, std::string> read_or_make_key(const std::filesystem::path& file);

}  // namespace tidemark::infra
