# How everything is compiled: standard, warnings, linker, sanitizers.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

option(TIDEMARK_WERROR "Warnings are errors" ON)
set(TIDEMARK_SANITIZE "" CACHE STRING "Sanitizers, as in -fsanitize=")
option(TIDEMARK_FUZZ "The libFuzzer targets of tests/fuzz (Clang only)")

find_program(CCACHE ccache)
if(CCACHE)
  # Relative paths and no directory hash: a fresh clone elsewhere hits the cache.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE})
endif()

find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()

if(TIDEMARK_SANITIZE)
  add_compile_options(-fsanitize=${TIDEMARK_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${TIDEMARK_SANITIZE})
endif()

# For our own code; generated code and third-party headers are spared. Left out: -Wnull-dereference, which at -O2 sees
# null pointers in Boost's inlined headers.
add_library(tidemark_warnings INTERFACE)
target_compile_options(tidemark_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor -Woverloaded-virtual
  -Wold-style-cast -Wcast-align -Wimplicit-fallthrough
  $<$<CXX_COMPILER_ID:GNU>:-Wduplicated-cond> $<$<CXX_COMPILER_ID:GNU>:-Wlogical-op>
  -Wno-missing-field-initializers
  -Werror=switch -Werror=return-type
  $<$<BOOL:${TIDEMARK_WERROR}>:-Werror>)
if(TIDEMARK_SANITIZE)  # a list with commas, which no generator expression takes
  # Instrumented code confuses GCC's flow analysis; the plain builds have the warning.
  target_compile_options(tidemark_warnings INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
endif()
