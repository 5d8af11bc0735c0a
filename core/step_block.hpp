#pragma once

/// \file
/// StepBlock is declared beside StepReader.
#include <locum/step_reader.hpp>
