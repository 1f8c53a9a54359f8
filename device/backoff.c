#include "device/backoff.h"

uint32_t cyan_backoff_ms(uint8_t failures)
{
    enum { TRIES_A_STEP = 5, LAST_STEP = 7, FIRST_MS = 1000 };
    if (failures == 0) {
        return 0;
    }
    uint32_t step = (failures - 1U) / TRIES_A_STEP;
    return (uint32_t)FIRST_MS << (step < LAST_STEP ? step : LAST_STEP);
}
