#pragma once

/// \file
/// StoreOver is declared beside the open() that returns it.
#include <locum/open.hpp>
