#pragma once

/// \file
/// Everything public, in one header: users include it as `<locum/locum.hpp>`.

#include "../core/version.hpp"
