import numpy as np

scale: np.ufunc
