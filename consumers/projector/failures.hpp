// How following can go wrong, inside the projector; at its edge they become text.
#pragma once

#include <stdexcept>

namespace tidemark::consumers {

// The store could not be read or written: nothing of the batch is known to be there. May be tried again.
struct StoreFailed : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// The log is damaged, or is not the one that was followed so far. Trying again does not help until somebody acts.
struct LogRefused : std::runtime_error {
    using std::runtime_error::runtime_error;
};

}  // namespace tidemark::consumers
