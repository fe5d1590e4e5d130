#pragma once
/// @file
/// Connection, ConnectionInfo, CloseInfo, CloseReason, State: what names one TCP connection, and the calls on
/// it. They are values of the room below, which makes them.

#include "stack/connection.hh"  // IWYU pragma: export
