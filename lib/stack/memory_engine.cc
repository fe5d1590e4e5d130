/// @file
/// The engine over plain memory: for tests, virtual time and fuzzing.

#include "buf/memory_port.hh"
#include "stack/engine.hh"

template class synfin::stack::PortEngine<synfin::buf::MemoryPort>;
