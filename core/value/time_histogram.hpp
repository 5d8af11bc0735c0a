#pragma once

/// \file
/// TimeHistogram is declared beside Metrics.
#include <locum/metrics.hpp>
