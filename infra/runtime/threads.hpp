// What a thread says about itself to the system.
#pragma once

namespace tidemark::infra {

// The calling thread gives way to the others of the process when there are fewer cores than work. For work that may
// lag, such as views. Its name is shown by top and perf (15 characters).
void step_back(const char* name);

}  // namespace tidemark::infra
