#include "projections/keys.hpp"

#include <stdexcept>

namespace tidemark::projections {

Key& Key::text(std::string_view part) {
    for (const char c : part) {
        if (c == '\0' || c == '\1') {
            bytes_.push_back('\1');
            bytes_.push_back(static_cast<char>(c + 1));
        } else {
            bytes_.push_back(c);
        }
    }
    bytes_.push_back('\0');
    return *this;
}

Key& Key::number(std::uint64_t value) {
    for (int shift = 56; shift >= 0; shift -= 8) bytes_.push_back(static_cast<char>((value >> shift) & 0xff));
    return *this;
}

std::string range_end(std::string_view prefix) {
    std::string end(prefix);
    while (!end.empty() && static_cast<unsigned char>(end.back()) == 0xff) end.pop_back();
    if (!end.empty()) end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
    return end;
}

std::string take_text(std::string_view& key) {
    std::string part;
    std::size_t i = 0;
    for (; i < key.size() && key[i] != '\0'; ++i) {
        if (key[i] == '\1' && i + 1 < key.size()) {
            part.push_back(static_cast<char>(key[++i] - 1));
        } else {
            part.push_back(key[i]);
        }
    }
    if (i == key.size()) throw std::runtime_error("a row's key ends inside a text part");
    key.remove_prefix(i + 1);
    return part;
}

std::uint64_t take_number(std::string_view& key) {
    if (key.size() < 8) throw std::runtime_error("a row's key ends inside a number");
    std::uint64_t value = 0;
    for (int i = 0; i < 8; ++i) value = value << 8 | static_cast<unsigned char>(key[static_cast<std::size_t>(i)]);
    key.remove_prefix(8);
    return value;
}

}  // namespace tidemark::projections
