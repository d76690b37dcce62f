#include "consumers/store/kv_store.hpp"

namespace tidemark::consumers {

std::string after_prefix(std::string_view prefix) {
    std::string end(prefix);
    while (!end.empty() && end.back() == '\xff') {
        end.pop_back();  // nothing is greater than 0xff: the place before it grows
    }
    if (!end.empty()) {
        end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
    }
    return end;  // empty: to the end of the table
}

}  // namespace tidemark::consumers
