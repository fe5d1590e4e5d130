/// @file
/// The engine over plain memory: for tests, virtual time and fuzzing.

#include "buf/memory_port.hh"
#include "stack/queue_engine.hh"

template class synfin::stack::QueueEngine<synfin::buf::MemoryPort>;
