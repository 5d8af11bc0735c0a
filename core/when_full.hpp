#pragma once

/// \file
/// WhenFull is declared beside RoomPolicy.
#include <locum/room_policy.hpp>
