#pragma once

/// \file
/// SealOptions and Sealed are declared beside ObjectDraft.
#include <locum/detail/object/object.hpp>
