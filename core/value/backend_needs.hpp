#pragma once

/// \file
/// BackendNeeds is declared beside StoreOptions.
#include <locum/options.hpp>
