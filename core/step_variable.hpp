#pragma once

/// \file
/// Variable is declared beside StepReader.
#include <locum/step_reader.hpp>
