#pragma once

/// \file
/// Part is declared beside Hyperslab.
#include <locum/hyperslab.hpp>
