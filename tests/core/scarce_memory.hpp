#pragma once

#include <memory>

#include "core/ports/remote_memory.hpp"
#include "core/ports/transport.hpp"

namespace locum::tests {

/// Lets allocations fail, by an operator new of the whole program (see scarce_memory.cpp): those after `left`
/// more, `failures` of them. What is spared (see spared_allocations.hpp) is not counted.
void make_memory_scarce(int left, int failures);
/// No allocation fails any more. Whether any has.
bool end_scarcity();

/// A network is not what runs out of memory: its own allocations never fail, those of who hears of it do.
[[nodiscard]] std::shared_ptr<Transport> spared(std::shared_ptr<Transport> transport);
/// Null stays null.
[[nodiscard]] std::shared_ptr<RemoteMemory> spared(std::shared_ptr<RemoteMemory> remote);

}  // namespace locum::tests
