#pragma once

/// \file
/// Hdf5Options is declared beside the options of checkpoints.
#include <locum/checkpoint_options.hpp>
