// Faults that are planted in the path of a command, each by a wrapper around a port or around what is submitted; the
// code under test is as it is. planted_faults_test.cpp is the table of what finds them.
#pragma once

#include <cstdint>

namespace tidemark::tests::simulation {

enum class Defect : std::uint8_t {
    none,
    skips_version_check,       // a command's expected_version is not looked at
    answers_before_it_counts,  // the log says "counted" before the block has landed
    replays_blocks,      // the place of a view is not written with its rows: blocks are folded again after a crash
    forgets_outcomes,    // outcomes are not written: a command is done again after a crash
    writes_place_first,  // derived places are written before the rows that they vouch for
};

}  // namespace tidemark::tests::simulation
