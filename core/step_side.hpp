#pragma once

/// \file
/// StepSide is declared beside StepWriterOptions and StepReaderOptions.
#include <locum/step_options.hpp>
