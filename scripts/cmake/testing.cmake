# tidemark_test(NAME SOURCES ... LIBS ...): one Catch2 program; each of its test cases is a ctest of its own
# unless WHOLE is given (for suites whose start-up is dear). ALONE: it takes the whole machine, and no other test runs
# beside it.
include(Catch)

# The tests' own code is compiled faster and runs slower than what it tests: a third of a build is spared.
set(tidemark_test_options -O1)
if(TIDEMARK_SANITIZE)
  set(tidemark_test_options -O0)
endif()

function(tidemark_test name)
  cmake_parse_arguments(ARG "WHOLE;ALONE" "TIMEOUT" "SOURCES;LIBS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_executable(test_${name} ${ARG_SOURCES})
  target_link_libraries(test_${name} PRIVATE ${ARG_LIBS} tidemark_test_main tidemark_warnings)
  target_include_directories(test_${name} PRIVATE ${CMAKE_SOURCE_DIR})
  target_compile_options(test_${name} PRIVATE ${tidemark_test_options})
  if(ARG_WHOLE)
    add_test(NAME ${name} COMMAND test_${name})
    set_tests_properties(${name} PROPERTIES TIMEOUT ${ARG_TIMEOUT})
    if(ARG_ALONE)
      set_tests_properties(${name} PROPERTIES RUN_SERIAL TRUE)
    endif()
  else()
    catch_discover_tests(test_${name} TEST_PREFIX "${name}: " PROPERTIES TIMEOUT ${ARG_TIMEOUT} DISCOVERY_MODE PRE_TEST)
  endif()
endfunction()
